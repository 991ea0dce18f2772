//===- ByteTiles.h - Products of bytes by tiles -----------------*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_BYTETILES_H
#define POCK_BACKENDS_CPU_BYTETILES_H

#include "ByteLanes.h"

namespace mlir::pock {

/// Emits a product over tiles: points of the input by one channel.
class TileEmitter {
public:
  /// Points of a tile: the sums and a panel's words stay in registers.
  static constexpr int64_t kColumns = 4;

  TileEmitter(ByteBuilder &bytes, ByteLayer &layer,
              const DenseSet<Operation *> &registers)
      : bytes(bytes), layer(layer), registers(registers),
        terms(layer.numTerms()), direct(isDirect(layer)), lanes(bytes, terms) {}

  /// Whether the entries that a point reads are contiguous.
  static bool isDirect(const ByteLayer &layer) {
    return !layer.mayLeave() && layer.isFlat(layer.inputSteps) &&
           llvm::all_of(layer.terms, [&](unsigned loop) {
             return layer.extents[loop] == 1 ||
                    layer.inputSteps[loop] == layer.weightSteps[loop];
           });
  }

  /// Emits the whole layer.
  void emit();

  /// Makes the scratch for tiles of up to `columns` points, and with vectors
  /// what the zero point adds to the sums of each channel.
  void allocate(int64_t columns);
  /// Widens what `columns` points from `first` on read, or makes rows of it.
  void preparePoints(Value first, int64_t columns, ArrayRef<Value> groups);
  /// Emits one channel of the points that are prepared; see
  /// `PointEmitter::finish`.
  SmallVector<Value> emitChannel(Value first, int64_t columns,
                                 ArrayRef<Value> groups, ArrayRef<Value> outs,
                                 Value kept = {});

private:
  using Values = SmallVector<Value>;

  Value sourceOffset(Value point, ArrayRef<Value> groups);
  SmallVector<Value> coordinates(Value point);
  void gather(Value first, int64_t columns, ArrayRef<Value> groups);
  void gatherTerms(size_t depth, ArrayRef<Value> origin, Value from, Value to,
                   bool whole);
  void copyRun(Value from, Value to, int64_t count);
  void fillRun(Value to, int64_t count);
  void widen(Value source, ArrayRef<Value> rows);
  SmallVector<Value> multiplyQuads(ArrayRef<Value> starts, Value row,
                                   SmallVectorImpl<OpOperand *> &operands);
  void makeCorrections();
  Value channelOf(ArrayRef<Value> groups, ArrayRef<Value> outs);
  /// The distance of rows in the patch.
  int64_t pitch() const {
    return llvm::alignTo(terms, layer.hasLanes ? LaneEmitter::kLanes : 4);
  }

  /// Entries from term loop `depth` on.
  int64_t countFrom(size_t depth) const {
    return layer.countOf(ArrayRef<unsigned>(layer.terms).drop_front(depth));
  }
  /// The dimension in which term loop `depth` may leave the source, or null.
  const ByteDim *borderOf(size_t depth) const {
    for (const ByteDim &dim : layer.dims)
      if (dim.tap == static_cast<int>(layer.terms[depth]) &&
          layer.mayLeave(dim))
        return &dim;
    return nullptr;
  }

  ByteBuilder &bytes;
  ByteLayer &layer;
  const DenseSet<Operation *> &registers;
  int64_t terms;
  bool direct;
  LaneEmitter lanes;
  Value panel, patch, corrections;
  /// What the points of a tile read, with vectors.
  ByteRows rows;
};

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_BYTETILES_H
