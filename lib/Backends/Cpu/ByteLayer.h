//===- ByteLayer.h - Sums of products of bytes, as layers -------*- C++ -*-===//
//
// A layer of a quantised network in a bufferized kernel: a sum of products of
// signed bytes in i32, with the statements around it (the initial value, the
// bias, requantisation, a mask, a residual addition). Passes for
// microcontrollers emit such layers as explicit loops around the operations of
// PockByteOps.td.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_BYTELAYER_H
#define POCK_BACKENDS_CPU_BYTELAYER_H

#include "../Shared/Nest.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVectorExtras.h"

namespace mlir::pock {

/// One dimension of the input. Its entry is number `stride * point + dilation *
/// tap - low`, where `point` and `tap` are loops of the sum (-1: none). Entries
/// outside of [0, size) have the value of the padding.
struct ByteDim {
  int64_t size;
  /// The distance of neighbours in the flat source.
  int64_t step;
  int point = -1, tap = -1;
  int64_t stride = 0, dilation = 0, low = 0;
};

struct ByteLayer {
  /// Statements with their original loops.
  Nest nest;
  /// The number of the sum in the nest.
  size_t sum;
  linalg::GenericOp op;
  /// The loops of `op`: their extents, and what they are. Points select entries
  /// of the input but not of the weight, outs the opposite, groups both; terms
  /// are the reduction, in the order of the weight.
  SmallVector<int64_t> extents;
  SmallVector<unsigned> points, groups, outs, terms;
  /// The buffers below all views: flat arrays.
  Value input, weight;
  /// The temporary with the padded copy of the input, which need not exist.
  memref::AllocOp padded;
  int64_t padding = 0;
  /// What is subtracted from each byte of the input.
  int64_t zero = 0;
  /// Whether vectors of bytes are multiplied as they are in memory.
  bool hasLanes = false;
  SmallVector<ByteDim> dims;
  /// Distances in the flat arrays by loop.
  SmallVector<int64_t> inputSteps, weightSteps;

  /// Whether some position in `dim` is outside of the source.
  bool mayLeave(const ByteDim &dim) const;
  bool mayLeave() const {
    return llvm::any_of(dims, [&](const ByteDim &d) { return mayLeave(d); });
  }
  int64_t numPoints() const { return countOf(points); }
  int64_t numTerms() const { return countOf(terms); }
  int64_t countOf(ArrayRef<unsigned> loops) const {
    int64_t count = 1;
    for (unsigned loop : loops)
      count *= extents[loop];
    return count;
  }
  SmallVector<int64_t> extentsOf(ArrayRef<unsigned> loops) const {
    return llvm::map_to_vector(loops, [&](unsigned l) { return extents[l]; });
  }
  /// The loop of the nest for a loop of `op`; -1 for one of extent 1.
  int nestLoop(unsigned loop) const {
    return nest.statements[sum].loopOf[loop];
  }
  /// Whether the terms of a channel are contiguous in the weight.
  bool hasRows() const;
  /// Whether consecutive `points` are equally far apart in `steps` (by loop of
  /// `op`), so that all of them may be one loop.
  bool isFlat(ArrayRef<int64_t> steps) const;
  /// Whether that is so for every operand of the other statements.
  bool isFlatAround() const;
};

/// Calls `rewrite` with the layers at the top level of each kernel of `module`,
/// and with the temporaries that need no memory. Generalizes the operations of
/// a kernel that has any layer, and erases those that are dead afterwards. Does
/// nothing for a target without instructions for bytes.
void rewriteByteLayers(
    ModuleOp module,
    llvm::function_ref<void(func::FuncOp func,
                            llvm::MutableArrayRef<ByteLayer> layers,
                            const llvm::DenseSet<Operation *> &registers)>
        rewrite);

/// Whether `op` fills or copies the padded input of `layer`.
bool padsInput(const ByteLayer &layer, Operation *op);

/// Erases the statements of `layer`, and the copy that pads its input.
void eraseLayer(ByteLayer &layer);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_BYTELAYER_H
