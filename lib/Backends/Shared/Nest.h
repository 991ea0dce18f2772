//===- Nest.h - Linalg operations as statements of one loop nest ----------===//
//
// The analysis part of `pock-vectorize-kernels`. A nest is a list of statements
// (linalg.generic on static memrefs) that share their parallel loops; each may
// have reduction loops of its own. The position of every operand in a flat
// buffer is a linear function of the loops. This representation covers strided
// views, broadcasts, transpositions and convolution windows. A window that
// reaches into a border (`pock.padded_view`) leaves taps out.
//
// Loops of extent 1 are dropped. Loops that are equivalent to one loop for
// every operand (the two dimensions of a contiguous array) are merged.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_SHARED_NEST_H
#define POCK_BACKENDS_SHARED_NEST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace mlir::pock {

/// The position of an operand's element: offset + sum of strides[l] * loop l +
/// sum of the outer indices times their strides.
struct Access {
  /// The buffer under all views; null for a scalar operand.
  mlir::Value root;
  /// The operand itself if it is a scalar.
  mlir::Value scalar;
  mlir::Type elementType;
  int64_t offset = 0;
  /// Indices from outside of the nest that select a part of the buffer (an
  /// image, a block of rows), each with its stride.
  mlir::SmallVector<std::pair<mlir::Value, int64_t>, 2> outer;
  /// One stride per loop of the nest.
  mlir::SmallVector<int64_t> strides;

  /// Whether both are the same element in each iteration, provided that the
  /// roots are the same memory. Elements of different types differ, for example
  /// groups and bytes.
  bool samePlace(const Access &other) const {
    return elementType == other.elementType && offset == other.offset &&
           outer == other.outer && strides == other.strides;
  }
  bool sameElement(const Access &other) const {
    return root == other.root && samePlace(other);
  }
};

/// One loop of a nest; reductions belong to one statement.
struct Loop {
  int64_t extent;
  bool reduction;
};

/// A window in a dimension with `size` entries, at positions `stride * point +
/// dilation * tap - low`. Taps outside of [0, size) add nothing.
struct TapWindow {
  /// The operand that is read through it.
  mlir::OpOperand *operand;
  /// The loop of the points, which is parallel, and that of the taps, which is
  /// a reduction.
  int points, taps;
  int64_t stride, dilation, low, size;

  bool contains(int64_t point, int64_t tap) const {
    int64_t position = stride * point + dilation * tap - low;
    return position >= 0 && position < size;
  }
};

struct Statement {
  mlir::linalg::GenericOp op;
  mlir::SmallVector<Access, 0> ins, outs;
  /// Loop of the nest for each loop of `op`; -1 for a dropped one (index 0).
  mlir::SmallVector<int> loopOf;
  /// The reduction loops in order, outermost first.
  mlir::SmallVector<int> reductions;
  /// Every operation of the body also works elementwise on vectors.
  bool vectorizable = true;
  /// The body has `linalg.index`.
  bool usesIndex = false;
  /// The body reads memory itself.
  bool readsMemory = false;
  /// For each out that is read: the operation that combines the accumulator
  /// with a value, if reductions by it may be reordered; otherwise null.
  mlir::SmallVector<mlir::Operation *> combiners;

  bool isReduction() const { return !reductions.empty(); }
  /// Whether the old value of out `i` is read.
  bool readsOut(unsigned i) const;
};

struct Nest {
  mlir::SmallVector<Loop> loops;
  mlir::SmallVector<Statement, 0> statements;
  /// The windows of all statements.
  mlir::SmallVector<TapWindow> windows;

  mlir::SmallVector<int> parallelLoops() const;
  /// Calls `fn` on every operand of every statement.
  template <typename Fn>
  void forEachAccess(Fn fn) {
    for (Statement &statement : statements) {
      for (Access &access : statement.ins)
        fn(access);
      for (Access &access : statement.outs)
        fn(access);
    }
  }
};

/// The nest of `op` alone, or nothing if an operand is not linear in the loops
/// or an out is not written once per parallel point.
std::optional<Nest> buildNest(mlir::linalg::GenericOp op);

/// Merges loops that are equivalent to one loop for every operand.
void mergeLoops(Nest &nest);

/// The windows of `operand` over a `pock.padded_view`, in loops of `op`;
/// nothing if a dimension with a border is not read by points of a parallel
/// loop and taps of a reduction.
std::optional<mlir::SmallVector<TapWindow>>
findWindows(mlir::linalg::GenericOp op, mlir::OpOperand &operand);

/// Runs of points of `loop` for which the same taps count, [begin, end).
mlir::SmallVector<std::pair<int64_t, int64_t>> splitByTaps(const Nest &nest,
                                                           int loop);

/// Erases operations of `func` without uses and effects, also temporaries that
/// only dead views use.
void eraseDeadOps(mlir::func::FuncOp func);

/// The buffer under a chain of views that keep the address.
mlir::Value findRoot(mlir::Value memref);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_NEST_H
