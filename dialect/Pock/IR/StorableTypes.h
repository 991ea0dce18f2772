//===- StorableTypes.h - types that can be stored in memory --- -*- C++ -*-===//
//
// Parsed IR may contain any type. These checks guarantee element types of a
// known width, and sizes whose sums and products are far from overflow. All
// code that computes bytes, lanes or offsets relies on them.
//===----------------------------------------------------------------------===//

#ifndef POCK_IR_STORABLETYPES_H
#define POCK_IR_STORABLETYPES_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/TypeRange.h"

namespace mlir::pock {

/// Exclusive limit of the bytes of a tensor. `bytesOf` saturates here, and
/// returns it for unknown sizes.
constexpr int64_t kMostBytes = int64_t(1) << 46;

/// Checks the tensors, buffers and vectors in `types`: their elements are
/// integers of up to 64 bits, f16, bf16, f32, f64 or index, and they take less
/// than `kMostBytes`.
LogicalResult verifyStorable(Operation *op, TypeRange types);

/// Checks all types in a kernel, and that the kernel is in the outermost
/// module.
LogicalResult verifyKernel(Operation *kernel);

/// Whether `op` is directly in the outermost module, where passes look for it.
bool isOutermost(Operation *op);

} // namespace mlir::pock

#endif // POCK_IR_STORABLETYPES_H
