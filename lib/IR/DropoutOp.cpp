//===- DropoutOp.cpp - the counter-based generator of dropout -------------===//

#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

LogicalResult DropoutOp::verify() {
  double p = getP().convertToDouble();
  // dropout_c1
  if (!(p >= 0.0 && static_cast<float>(p) < 1.0f))
    return emitOpError("expected 0 <= p < 1, but got ") << p;
  // dropout_c3
  if (!llvm::isUInt<32>(getStream()) || !llvm::isUInt<32>(getOffset()))
    return emitOpError("expected stream and offset of 32 bits, but got ")
           << getStream() << " and " << getOffset();
  // dropout_c2
  if (static_cast<int64_t>(getStrides().size()) != getType().getRank())
    return emitOpError("expected ")
           << getType().getRank() << " strides, but got "
           << getStrides().size();
  return success();
}

namespace {
/// Arithmetic on 32-bit words.
struct Words {
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

// See the op's description. What depends on seed and step only is computed
// once: it stays scalar and is moved out of the loops.
SmallVector<Value> DropoutOp::buildScalar(OpBuilder &b, Location loc,
                                          ValueRange args) {
  Words w{b, loc};
  Value seed = args[1], step = args[2];
  Value word = w.low(seed), number = w.low(step);
  Value stream = w.constant(static_cast<uint32_t>(getStream()));
  auto [k0, k1] = w.philox(number, stream, word);
  Value first = w.exclusiveOr(k0, w.high(seed));
  Value other = w.exclusiveOr(k1, w.high(step));
  auto [key, second] = w.philox(first, other, word);

  Value counter = w.constant(static_cast<uint32_t>(getOffset()));
  for (auto [dim, stride] : llvm::enumerate(getStrides())) {
    if (stride == 0)
      continue;
    Value index = arith::IndexCastOp::create(
        b, loc, b.getI32Type(), linalg::IndexOp::create(b, loc, dim));
    if (stride != 1)
      index = arith::MulIOp::create(b, loc, index,
                                    w.constant(static_cast<uint32_t>(stride)));
    counter = arith::AddIOp::create(b, loc, counter, index);
  }

  Value random = w.philox(counter, second, key).first;
  Value fraction =
      arith::ShRUIOp::create(b, loc, random, w.constant(8)); // 24 bits
  double p = getP().convertToDouble();
  Value limit = w.constant(
      static_cast<uint32_t>(std::ceil(std::ldexp(static_cast<float>(p), 24))));
  Value keep =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, fraction, limit);
  Type type = args[0].getType();
  auto real = [&](double value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  };
  Value scaled = arith::MulFOp::create(b, loc, args[0], real(1.0 / (1.0 - p)));
  return {arith::SelectOp::create(b, loc, keep, scaled, real(0.0))};
}
