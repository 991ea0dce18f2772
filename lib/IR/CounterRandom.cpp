//===- CounterRandom.cpp - a counter-based random number generator --------===//

#include "CounterRandom.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
/// Arithmetic on 32-bit words.
struct Arithmetic {
  OpBuilder &b;
  Location loc;

  Value constant(uint32_t value) const {
    return arith::ConstantOp::create(
        b, loc, b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value exclusiveOr(Value x, Value y) const {
    return arith::XOrIOp::create(b, loc, x, y);
  }
  Value low(Value wide) const {
    return arith::TruncIOp::create(b, loc, b.getI32Type(), wide);
  }
  Value high(Value wide) const {
    Value shift = arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(32));
    return low(arith::ShRUIOp::create(b, loc, wide, shift));
  }

  /// Philox-2x32 with 10 rounds (Salmon et al., SC 2011, section 3.3; its
  /// constants are those of the Random123 library).
  std::pair<Value, Value> philox(Value x, Value y, Value key) const {
    Value factor =
        arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(0xD256D193));
    Value weyl = constant(0x9E3779B9);
    for (int round = 0; round < 10; ++round) {
      if (round > 0)
        key = arith::AddIOp::create(b, loc, key, weyl);
      Value wide = arith::ExtUIOp::create(b, loc, b.getI64Type(), x);
      Value product = arith::MulIOp::create(b, loc, wide, factor);
      x = exclusiveOr(exclusiveOr(high(product), key), y);
      y = low(product);
    }
    return {x, y};
  }
};
} // namespace

// Values that depend only on seed and step are computed once: they stay scalar
// and are hoisted out of the loops.
Value pock::buildRandomFraction(OpBuilder &b, Location loc, Value seed,
                                Value step, int64_t stream, int64_t offset,
                                ArrayRef<int64_t> strides, Words words) {
  Arithmetic w{b, loc};
  Value word = w.low(seed), number = w.low(step);
  Value streamWord = w.constant(static_cast<uint32_t>(stream));
  auto [k0, k1] = w.philox(number, streamWord, word);
  Value first = w.exclusiveOr(k0, w.high(seed));
  Value other = w.exclusiveOr(k1, w.high(step));
  auto [key, second] = w.philox(first, other, word);

  Value counter = w.constant(static_cast<uint32_t>(offset));
  for (auto [dim, stride] : llvm::enumerate(strides)) {
    if (stride == 0)
      continue;
    Value index = arith::IndexCastOp::create(
        b, loc, b.getI32Type(), linalg::IndexOp::create(b, loc, dim));
    if (stride != 1)
      index = arith::MulIOp::create(b, loc, index,
                                    w.constant(static_cast<uint32_t>(stride)));
    counter = arith::AddIOp::create(b, loc, counter, index);
  }

  Value block = counter;
  if (words == Words::Both)
    block = arith::ShRUIOp::create(b, loc, counter, w.constant(1));
  auto [random, next] = w.philox(block, second, key);
  if (words == Words::Both) {
    Value isOdd = arith::TruncIOp::create(b, loc, b.getI1Type(), counter);
    random = arith::SelectOp::create(b, loc, isOdd, next, random);
  }
  return arith::ShRUIOp::create(b, loc, random, w.constant(8));
}
