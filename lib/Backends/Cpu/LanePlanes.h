//===- LanePlanes.h - Depthwise convolutions of bytes by vectors -*- C++ -*-==//
//
// For microcontrollers with vectors. Planes have bytes; four neighbouring
// outputs are the lanes of a vector of sums, and each tap adds the product of
// four neighbouring entries, widened where they are loaded, by one number of
// the weight. A tile has two rows of outputs: what both of them read
// is loaded once.
//
// With a stride, the columns of a row are divided by their remainders, so that
// entries a stride apart are neighbours.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_LANEPLANES_H
#define POCK_BACKENDS_CPU_LANEPLANES_H

#include "BytePlanes.h"

namespace mlir::pock {

class LanePlanes : public PlaneEmitter {
public:
  LanePlanes(ByteBuilder &bytes, ByteLayer &layer,
             const DenseSet<Operation *> &registers, const Planes &planes)
      : PlaneEmitter(bytes, layer, registers, planes),
        phases(planes.columns.stride),
        segment(llvm::alignTo(outColumns, kLanes) + (width - 1) / phases),
        pitch(phases * segment) {}

  /// Whether there are enough outputs in a row for vectors, the code of a
  /// window is short enough, and strides fit blocks of columns.
  bool pays() const;
  void allocate(int64_t count) override;
  Value findRow(Value row) override;
  void store(Value byte, Value position, Value column, int64_t k,
             Value plane) override;
  void emitChannel(ArrayRef<Value> indices, Value plane) override;

private:
  static constexpr int64_t kLanes = 4, kRows = 2;

  /// A tile of outputs: a vector per row.
  struct Tile {
    Value row, column;
    int64_t rows, columns;
  };
  Value sumWeight(Value first);
  void emitTile(const BytePoint &base, const ByteValues &known, Value plane,
                Value weight, const Tile &tile);
  Values emitSums(Values sums, Value plane, Value weight, const Tile &tile);

  /// Remainders of columns, the bytes of the columns with one remainder, and
  /// those of a row.
  int64_t phases, segment, pitch;
  Value planesBuffer;
  /// What the zero point of the input adds to each sum of a channel, if any.
  Value correction;
};

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_LANEPLANES_H
