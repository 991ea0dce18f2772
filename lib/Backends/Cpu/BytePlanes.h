//===- BytePlanes.h - Depthwise convolutions of bytes by planes -*- C++ -*-===//
//
// For microcontrollers that multiply pairs of numbers of 16 bits. One channel
// of an image is copied to a plane of such numbers, with its border. A row of a
// window is then a run of words, and two neighbouring outputs share them: with
// stride 1, the second one starts in the upper half of the first word. So each
// row of the weight exists twice, in pairs (w0, w1), (w2, w3), … and (w1, w2),
// (w3, w4), …, and the taps that are left over are halves of these.
//
// The copy also allows the result of a channel to overwrite that channel.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_BYTEPLANES_H
#define POCK_BACKENDS_CPU_BYTEPLANES_H

#include "ByteEmitter.h"
#include <optional>

namespace mlir::pock {

/// Which dimensions of a layer are rows and columns of images.
struct Planes {
  ByteDim rows, columns;
  /// Points outside of the planes: images.
  SmallVector<unsigned> outer;
};

/// The planes of `layer`, if it is a depthwise convolution of at most two
/// dimensions.
std::optional<Planes> findPlanes(const ByteLayer &layer);

class PlaneEmitter {
public:
  PlaneEmitter(ByteBuilder &bytes, ByteLayer &layer,
               const DenseSet<Operation *> &registers, const Planes &planes)
      : bytes(bytes), layer(layer), registers(registers), planes(planes) {
    auto extent = [&](int loop) { return loop < 0 ? 1 : layer.extents[loop]; };
    const ByteDim &r = planes.rows, &c = planes.columns;
    outRows = extent(r.point);
    outColumns = extent(c.point);
    tapRows = extent(r.tap);
    tapColumns = extent(c.tap);
    width = (tapColumns - 1) * c.dilation + 1;
    height = (outRows - 1) * r.stride + (tapRows - 1) * r.dilation + 1;
    pitch = llvm::alignTo((outColumns - 1) * c.stride + width, 2);
    odds = c.stride % 2 ? (width - 1) / 2 : 0;
    evens = odds && width % 2 ? width / 2 : llvm::divideCeil(width, 2);
  }

  /// Whether the unrolled code of a window is short enough.
  bool isSmall() const;
  /// Emits the whole layer, with a copy of each channel.
  void emit();

  /// The part of a plane that is in the source: its first row and column, their
  /// numbers, and the first entry of the source.
  struct Inside {
    int64_t firstRow, firstColumn, rows, columns, source;
  };
  Inside findInside() const;
  /// Makes `count` planes, with the border.
  void allocate(int64_t count);
  /// Emits the outputs of the channel with the position `indices` in
  /// `outsideLoops()`, whose plane begins at `firstWord`.
  void emitChannel(ArrayRef<Value> indices, Value firstWord);
  /// The loops around planes: images and channels.
  SmallVector<unsigned> outsideLoops() const {
    SmallVector<unsigned> loops(planes.outer);
    llvm::append_range(loops, layer.groups);
    return loops;
  }
  int64_t getPitch() const { return pitch; }
  int64_t getPlaneSize() const { return height * pitch; }
  Value getPlane() const { return plane; }

private:
  using Values = SmallVector<Value>;

  int64_t numWords() const { return tapRows * (evens + odds); }
  void copyPlane(Value channel);
  void loadWeight(Value first);
  Value weightWord(int64_t row, int64_t word);
  void emitBlock(const BytePoint &base, const ByteValues &known, Value word,
                 Value column, int64_t count);
  Value sumRow(Value sum, int64_t row, int64_t position,
               llvm::function_ref<Value(int64_t)> data, OpOperand *&start);

  Value dot(Value sum, Value lhs, Value rhs);
  Value multiplyAdd(Value sum, Value lhs, bool lhsUpper, Value rhs,
                    bool rhsUpper);

  ByteBuilder &bytes;
  ByteLayer &layer;
  const DenseSet<Operation *> &registers;
  const Planes &planes;
  int64_t outRows, outColumns, tapRows, tapColumns;
  /// Of a window, with the entries that dilation leaves out.
  int64_t width;
  /// Of the plane.
  int64_t height, pitch;
  /// Words of a row of the weight: pairs that start at an even tap, and at an
  /// odd one.
  int64_t evens, odds;
  Value plane, words, weightScratch;
  /// What the zero point of the input adds to each sum of a channel, if any.
  Value correction;
  Values weightWords;
};

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_BYTEPLANES_H
