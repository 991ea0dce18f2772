//===- ProductEpilogue.h - Long operations behind products ------*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_PRODUCTEPILOGUE_H
#define POCK_BACKENDS_CPU_PRODUCTEPILOGUE_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"

namespace mlir::pock {

/// Slices of the operands of `op` for `size` entries of `loop` from `first` on,
/// in `operands`.
void sliceOperands(OpBuilder &b, linalg::GenericOp op, unsigned loop,
                   OpFoldResult first, int64_t size,
                   SmallVectorImpl<Value> &operands);

/// Keeps long operations on the result of a product in `block` (an update that
/// rounds at random) out of its tiles, which would repeat them.
void separateLong(Block &block);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_PRODUCTEPILOGUE_H
