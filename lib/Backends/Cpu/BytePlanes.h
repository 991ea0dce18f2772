//===- BytePlanes.h - Depthwise convolutions of bytes by planes -*- C++ -*-===//
//
// One channel of an image is copied to a plane, with its border. The copy also
// allows the result of a channel to overwrite that channel.
//
// On microcontrollers that multiply pairs of numbers of 16 bits, planes have
// such numbers. A row of a window is then a run of words, and two neighbouring
// outputs share them: with stride 1, the second one starts in the upper half of
// the first word. So each row of the weight exists twice, in pairs (w0, w1),
// (w2, w3), … and (w1, w2), (w3, w4), …, and the taps that are left over are
// halves of these. With vectors, see LanePlanes.h.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_BYTEPLANES_H
#define POCK_BACKENDS_CPU_BYTEPLANES_H

#include "ByteEmitter.h"
#include <memory>
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

/// Emits a depthwise convolution from planes in scratch.
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
  }
  virtual ~PlaneEmitter() = default;

  /// The best emitter for `layer`; null if the code of a window would be too
  /// long.
  static std::unique_ptr<PlaneEmitter>
  create(ByteBuilder &bytes, ByteLayer &layer,
         const DenseSet<Operation *> &registers, const Planes &planes);

  /// Emits the whole layer, with a copy of each channel.
  void emit();

  /// The part of a plane that is in the source: its first row and column, their
  /// numbers, and the first entry of the source.
  struct Inside {
    int64_t firstRow, firstColumn, rows, columns, source;
  };
  Inside findInside() const;
  /// Makes `count` planes, with the border.
  virtual void allocate(int64_t count) = 0;
  /// The position in the first plane of row `row` of the part inside.
  virtual Value findRow(Value row) = 0;
  /// Stores a byte of plane number `plane`, in the row at `position`: the
  /// column `column + k` of the part inside, where `column` is a multiple of 4.
  virtual void store(Value byte, Value position, Value column, int64_t k,
                     Value plane = {}) = 0;
  /// Emits the outputs of the channel with the position `indices` in
  /// `outsideLoops()`, from plane number `plane`.
  virtual void emitChannel(ArrayRef<Value> indices, Value plane) = 0;
  /// The loops around planes: images and channels.
  SmallVector<unsigned> outsideLoops() const {
    SmallVector<unsigned> loops(planes.outer);
    llvm::append_range(loops, layer.groups);
    return loops;
  }

protected:
  using Values = SmallVector<Value>;

  /// The number of columns that outputs read.
  virtual int64_t countColumns() const {
    return (outColumns - 1) * planes.columns.stride + width;
  }
  /// The loop of the nest for a loop of points; -1 if there is none.
  int nestLoop(const ByteDim &dim) const {
    return dim.point < 0 ? -1 : layer.nestLoop(dim.point);
  }
  /// The distance of taps in the weight.
  int64_t weightStep(const ByteDim &dim) const {
    return dim.tap < 0 ? 0 : layer.weightSteps[dim.tap];
  }
  /// Calls `body` for each channel of the result that reads the plane of
  /// `indices`, with its position and its first weight.
  void forEachOut(ArrayRef<Value> indices,
                  llvm::function_ref<void(const BytePoint &, Value)> body);

  ByteBuilder &bytes;
  ByteLayer &layer;
  const DenseSet<Operation *> &registers;
  const Planes &planes;
  int64_t outRows, outColumns, tapRows, tapColumns;
  /// Of a window, with the entries that dilation leaves out.
  int64_t width;
  /// Of the plane.
  int64_t height;

private:
  void copyPlane(Value channel);
};

/// Planes of 16 bits, and two neighbouring outputs at a time.
class PairPlanes : public PlaneEmitter {
public:
  PairPlanes(ByteBuilder &bytes, ByteLayer &layer,
             const DenseSet<Operation *> &registers, const Planes &planes)
      : PlaneEmitter(bytes, layer, registers, planes) {
    const ByteDim &c = planes.columns;
    pitch = llvm::alignTo((outColumns - 1) * c.stride + width, 2);
    odds = c.stride % 2 ? (width - 1) / 2 : 0;
    evens = odds && width % 2 ? width / 2 : llvm::divideCeil(width, 2);
  }

  /// Whether the unrolled code of a window is short enough.
  bool isSmall() const;
  void allocate(int64_t count) override;
  Value findRow(Value row) override;
  void store(Value byte, Value position, Value column, int64_t k,
             Value plane) override;
  void emitChannel(ArrayRef<Value> indices, Value plane) override;

private:
  int64_t countColumns() const override { return pitch; }
  int64_t sizeOfPlane() const { return height * pitch; }
  int64_t numWords() const { return tapRows * (evens + odds); }
  void loadWeight(Value first);
  Value weightWord(int64_t row, int64_t word);
  void emitBlock(const BytePoint &base, const ByteValues &known, Value word,
                 Value column, int64_t count);
  Value sumRow(Value sum, int64_t row, int64_t position,
               llvm::function_ref<Value(int64_t)> data, OpOperand *&start);

  Value dot(Value sum, Value lhs, Value rhs);
  Value multiplyAdd(Value sum, Value lhs, bool lhsUpper, Value rhs,
                    bool rhsUpper);

  /// Entries of a row of a plane.
  int64_t pitch;
  /// Words of a row of the weight: pairs that start at an even tap, and at an
  /// odd one.
  int64_t evens, odds;
  Value planesBuffer, words, weightScratch;
  /// What the zero point of the input adds to each sum of a channel, if any.
  Value correction;
  Values weightWords;
};

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_BYTEPLANES_H
