//===- FuseOnTensors.h - Rewrites of kernels before bufferization ---------===//
#ifndef POCK_BACKENDS_SHARED_FUSEONTENSORS_H
#define POCK_BACKENDS_SHARED_FUSEONTENSORS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {

/// Fuses elementwise linalg operations of `func` into their consumers where
/// nothing is computed twice, and picks initial tensors so that bufferization
/// works in place.
mlir::LogicalResult fuseOnTensors(mlir::func::FuncOp func);

/// Moves elementwise operations on what loops make block by block into these
/// loops.
void fuseIntoLoops(mlir::func::FuncOp func);

/// Lets operations of `func`, which is bufferized, write what is copied to
/// where it is copied.
void forwardCopies(mlir::func::FuncOp func);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_FUSEONTENSORS_H
