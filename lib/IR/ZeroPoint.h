//===- ZeroPoint.h - zero points of sums of products ------------*- C++ -*-===//

#ifndef POCK_LIB_IR_ZEROPOINT_H
#define POCK_LIB_IR_ZEROPOINT_H

#include "Pock/IR/PockUtils.h"

namespace mlir::pock {

/// Checks the zero point of an operand of op `name` with elements of type
/// `element`.
LogicalResult verifyZeroPoint(std::optional<Location> loc, StringRef name,
                              Type element, int64_t zero);

/// The same for several operands.
LogicalResult verifyZeroPoints(std::optional<Location> loc, StringRef name,
                               Type element, ArrayRef<int64_t> zeros);

} // namespace mlir::pock

#endif // POCK_LIB_IR_ZEROPOINT_H
