//===- FuseOnTensors.h - Rewrites of kernels before bufferization ---------===//
#ifndef POCK_BACKENDS_SHARED_FUSEONTENSORS_H
#define POCK_BACKENDS_SHARED_FUSEONTENSORS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {

/// Fuses elementwise linalg operations of `func` into their consumers if
/// nothing is computed twice, and chooses initial tensors such that
/// bufferization works in place.
mlir::LogicalResult fuseOnTensors(mlir::func::FuncOp func);

/// Moves elementwise operations on results that loops compute block by block
/// into these loops.
void fuseIntoLoops(mlir::func::FuncOp func);

/// Removes temporaries of `func`, which is bufferized, that are only copied:
/// their writers write to the target of the copy instead.
void forwardCopies(mlir::func::FuncOp func);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_FUSEONTENSORS_H
