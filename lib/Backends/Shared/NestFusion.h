//===- NestFusion.h - Which operations of a kernel share a loop nest ------===//
#ifndef POCK_BACKENDS_SHARED_NESTFUSION_H
#define POCK_BACKENDS_SHARED_NESTFUSION_H

#include "Nest.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::pock {

/// Turns every linalg operation of `func` and every memref.copy of static
/// shape into linalg.generic.
void generalizeAll(mlir::func::FuncOp func);

/// Moves the operation that fills the out of `sum` right in front of it, where
/// both become one nest, unless something in between touches that buffer.
void sinkFill(mlir::linalg::GenericOp sum);

/// Partitions the linalg.generic operations of the kernel (top level and the
/// bodies of scf.for) into nests, in program order; an operation that no nest
/// can express is left out. The nests are not merged (see mergeLoops) yet.
/// With `fuse` unset every operation is alone.
mlir::SmallVector<Nest, 0> formNests(mlir::func::FuncOp func, bool fuse = true);

/// The `memref.alloc` operations that no operation outside of one nest
/// touches and whose every read is of a value computed at the same point: the
/// emitter keeps them in registers.
llvm::DenseSet<mlir::Operation *>
findRegisterTemporaries(llvm::ArrayRef<Nest> nests);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_NESTFUSION_H
