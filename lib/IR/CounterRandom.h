//===- CounterRandom.h - counter-based random numbers -----------*- C++ -*-===//

#ifndef POCK_LIB_IR_COUNTERRANDOM_H
#define POCK_LIB_IR_COUNTERRANDOM_H

#include "mlir/IR/Builders.h"

namespace mlir::pock {

/// The upper 24 bits, as i32, of the random number of an entry, as documented
/// at `pock.dropout`. Builds it in the body of a loop nest over the entries.
Value buildRandomFraction(OpBuilder &b, Location loc, Value seed, Value step,
                          int64_t stream, int64_t offset,
                          ArrayRef<int64_t> strides);

} // namespace mlir::pock

#endif // POCK_LIB_IR_COUNTERRANDOM_H
