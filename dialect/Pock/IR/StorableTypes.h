//===- StorableTypes.h - what memory can be planned for ---------*- C++ -*-===//
//
// Whoever parses IR may write any type. What counts bytes, lanes or offsets
// relies on what is checked here, once: element types of a known width, and
// sizes whose sums and products stay far from overflow.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_IR_STORABLETYPES_H
#define POCK_IR_STORABLETYPES_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/TypeRange.h"

namespace mlir::pock {

/// The most bytes that one tensor may have; `bytesOf` gives no more, and this
/// for what it does not know.
constexpr int64_t kMostBytes = int64_t(1) << 46;

/// Checks the tensors, buffers and vectors among `types`: integers up to 64
/// bits, f16, bf16, f32, f64 or index, and less than `kMostBytes`.
LogicalResult verifyStorable(Operation *op, TypeRange types);

/// Checks all types in a kernel, and that it is in the outermost module.
LogicalResult verifyKernel(Operation *kernel);

/// Whether `op` is an entry of the outermost module, where passes look.
bool isOutermost(Operation *op);

} // namespace mlir::pock

#endif // POCK_IR_STORABLETYPES_H
