//===- CounterRandom.h - counter-based random numbers -----------*- C++ -*-===//

#ifndef POCK_LIB_IR_COUNTERRANDOM_H
#define POCK_LIB_IR_COUNTERRANDOM_H

#include "mlir/IR/Builders.h"

namespace mlir::pock {

/// Which words of a block of the generator are random numbers.
enum class Words {
  /// The first one: each entry has a block of its own (`pock.dropout`).
  First,
  /// Both: entries `2 i` and `2 i + 1` share block `i`
  /// (`pock.quantized_update`), so that code for neighbours computes it once.
  Both,
};

/// The upper 24 bits, as i32, of the random number of an entry. Builds it in
/// the body of a loop nest over the entries.
Value buildRandomFraction(OpBuilder &b, Location loc, Value seed, Value step,
                          int64_t stream, int64_t offset,
                          ArrayRef<int64_t> strides, Words words);

} // namespace mlir::pock

#endif // POCK_LIB_IR_COUNTERRANDOM_H
