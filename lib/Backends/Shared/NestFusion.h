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

/// Moves the operation that fills the out of `sum` directly before it, so that
/// both become one nest, unless an operation in between accesses that buffer.
void sinkFill(mlir::linalg::GenericOp sum);

/// Partitions the linalg.generic operations of the kernel (top level and the
/// bodies of scf.for) into nests, in program order; an operation that no nest
/// can express is left out. The loops are not merged yet (see mergeLoops). If
/// `fuse` is false, every operation is a nest of its own.
mlir::SmallVector<Nest, 0> formNests(mlir::func::FuncOp func, bool fuse = true);

/// The `memref.alloc` operations that only one nest accesses, and of which it
/// only reads values computed at the same point. The emitter keeps them in
/// registers.
llvm::DenseSet<mlir::Operation *>
findRegisterTemporaries(llvm::ArrayRef<Nest> nests);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_NESTFUSION_H
