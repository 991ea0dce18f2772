//===- QuantScalars.cpp - scalar code of quantisation ---------------------===//
//
// `buildScalar` of the ops that quantise. Integer results are exact, so that
// they are the same on every target.
//
//===----------------------------------------------------------------------===//

#include "CounterRandom.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

namespace {
/// Builds arithmetic on integers and floats.
struct Numbers {
  OpBuilder &b;
  Location loc;

  Value integer(Type type, int64_t value) const {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
  }
  Value real(Type type, double value) const {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  }
  Value extend(Value x, Type to) const {
    return x.getType() == to ? x : arith::ExtSIOp::create(b, loc, to, x);
  }
  Value truncate(Value x, Type to) const {
    return x.getType() == to ? x : arith::TruncIOp::create(b, loc, to, x);
  }
  Value clamp(Value x, int64_t low, int64_t high) const {
    x = arith::MaxSIOp::create(b, loc, x, integer(x.getType(), low));
    return arith::MinSIOp::create(b, loc, x, integer(x.getType(), high));
  }
  /// `x` limited to `[low, high]`; `low` if it is NaN.
  Value clampReal(Value x, double low, double high) const {
    Value bottom = real(x.getType(), low), top = real(x.getType(), high);
    Value above =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, bottom);
    x = arith::SelectOp::create(b, loc, above, x, bottom);
    Value below =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, top);
    return arith::SelectOp::create(b, loc, below, x, top);
  }
  /// `isNaN(x) ? zero : value`.
  Value unlessNan(Value x, Value value) const {
    Value isNan =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x);
    auto zero =
        arith::ConstantOp::create(b, loc, b.getZeroAttr(value.getType()));
    return arith::SelectOp::create(b, loc, isNan, zero, value);
  }
};
} // namespace

SmallVector<Value> QuantizeOp::buildScalar(OpBuilder &b, Location loc,
                                           ValueRange args) {
  Numbers n{b, loc};
  Value x = args[0];
  Type type = x.getType();
  double inverse = 1.0 / getScale().convertToDouble();
  Value scaled = arith::MulFOp::create(b, loc, x, n.real(type, inverse));
  Value rounded = math::RoundEvenOp::create(b, loc, scaled);
  Value moved = arith::AddFOp::create(
      b, loc, rounded,
      n.real(type, static_cast<double>(static_cast<int64_t>(getZeroPoint()))));
  Value limited =
      n.clampReal(moved, static_cast<double>(static_cast<int64_t>(getMin())),
                  static_cast<double>(static_cast<int64_t>(getMax())));
  Value whole = arith::FPToSIOp::create(b, loc, b.getI32Type(), limited);
  return {n.truncate(n.unlessNan(x, whole), b.getI8Type())};
}

SmallVector<Value> DequantizeOp::buildScalar(OpBuilder &b, Location loc,
                                             ValueRange args) {
  Numbers n{b, loc};
  Type type = getType().getElementType();
  Value x = arith::SIToFPOp::create(b, loc, type, args[0]);
  if (int64_t zero = getZeroPoint())
    x = arith::SubFOp::create(b, loc, x,
                              n.real(type, static_cast<double>(zero)));
  double scale = getScale().convertToDouble();
  if (scale != 1.0)
    x = arith::MulFOp::create(b, loc, x, n.real(type, scale));
  if (getScales())
    x = arith::MulFOp::create(b, loc, x, args[1]);
  return {x};
}

/// How far a constant multiplier, a power of two, shifts a sum down; nothing
/// for any other multiplier, and for small shifts.
template <typename Op>
static std::optional<int64_t> findShift(Op op) {
  constexpr int64_t smallest = 10;
  DenseIntElementsAttr attr;
  if (op.getShift() || !matchPattern(op.getMultiplier(), m_Constant(&attr)) ||
      !attr.isSplat())
    return std::nullopt;
  auto value = attr.template getSplatValue<APInt>();
  int64_t shift = 32 - value.exactLogBase2();
  if (!value.isPowerOf2() || shift < smallest)
    return std::nullopt;
  return shift;
}

/// The result of `pock.requantize` before clamping, in i32. Adding the zero
/// point above the point that is shifted out makes it one multiply-accumulate
/// of 64 bits; Arm's `smmlar` is all of this.
template <typename Op>
static Value buildScaledSum(Op op, const Numbers &n, ValueRange args) {
  OpBuilder &b = n.b;
  Type wide = b.getI64Type();
  int64_t zero = op.getZeroPoint();
  // floor(x / 2^k + 1/2) is floor((floor(x / 2^(k - 1)) + 1) / 2), which does
  // not overflow in 32 bits.
  std::optional<int64_t> down = findShift(op);
  if (down && args[0].getType().isInteger(32)) {
    Type type = b.getI32Type();
    Value twice =
        arith::ShRSIOp::create(b, n.loc, args[0], n.integer(type, *down - 1));
    twice =
        arith::AddIOp::create(b, n.loc, twice, n.integer(type, 2 * zero + 1));
    return arith::ShRSIOp::create(b, n.loc, twice, n.integer(type, 1));
  }
  Value product = arith::MulIOp::create(b, n.loc, n.extend(args[0], wide),
                                        n.extend(args[1], wide));
  if (!op.getShift()) {
    Value sum = arith::AddIOp::create(
        b, n.loc, product,
        n.integer(wide, zero * (int64_t(1) << 32) + (int64_t(1) << 31)));
    Value shifted = arith::ShRSIOp::create(b, n.loc, sum, n.integer(wide, 32));
    return n.truncate(shifted, b.getI32Type());
  }
  Value bits = arith::SubIOp::create(b, n.loc, n.integer(wide, 32),
                                     n.extend(args[2], wide));
  Value half = arith::ShLIOp::create(
      b, n.loc, n.integer(wide, 1),
      arith::SubIOp::create(b, n.loc, bits, n.integer(wide, 1)));
  Value sum = arith::AddIOp::create(b, n.loc, product, half);
  Value shifted = arith::ShRSIOp::create(b, n.loc, sum, bits);
  // A large number saturates, and must not lose bits before.
  shifted = n.clamp(shifted, -(1 << 30), 1 << 30);
  return arith::AddIOp::create(b, n.loc, n.truncate(shifted, b.getI32Type()),
                               n.integer(b.getI32Type(), zero));
}

SmallVector<Value> RequantizeOp::buildScalar(OpBuilder &b, Location loc,
                                             ValueRange args) {
  Numbers n{b, loc};
  Value scaled = buildScaledSum(*this, n, args);
  return {n.truncate(n.clamp(scaled, getMin(), getMax()), b.getI8Type())};
}

SmallVector<Value> RequantizeMaskOp::buildScalar(OpBuilder &b, Location loc,
                                                 ValueRange args) {
  Numbers n{b, loc};
  Value scaled = buildScaledSum(*this, n, args);
  Value limited = n.clamp(scaled, getMin(), getMax());
  return {
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, scaled, limited)};
}

SmallVector<Value> QuantizedUpdateOp::buildScalar(OpBuilder &b, Location loc,
                                                  ValueRange args) {
  Numbers n{b, loc};
  Value param = args[0], change = args[1];
  Type type = change.getType();
  change = arith::MulFOp::create(b, loc, change, args[2]);
  Value rounded;
  if (getSeed()) {
    Value fraction =
        buildRandomFraction(b, loc, args[3], args[4], getStream(),
                            /*offset=*/0, *getStrides(), Words::Both);
    Value uniform = arith::MulFOp::create(
        b, loc, arith::SIToFPOp::create(b, loc, type, fraction),
        n.real(type, std::ldexp(1.0, -24)));
    rounded = math::FloorOp::create(
        b, loc, arith::AddFOp::create(b, loc, change, uniform));
  } else {
    rounded = math::RoundEvenOp::create(b, loc, change);
  }
  // A byte moves at most from one end of its range to the other; an i32 by the
  // largest float that is one.
  bool isByte = param.getType().isInteger(8);
  double limit = isByte ? 256.0 : std::ldexp(1.0, 31) - 128.0;
  Type word = b.getI32Type();
  Value whole = n.unlessNan(
      change, arith::FPToSIOp::create(b, loc, word,
                                      n.clampReal(rounded, -limit, limit)));
  // First to the range of the type: targets have instructions for that.
  Type wide = isByte ? word : b.getI64Type();
  Value sum = arith::AddIOp::create(b, loc, n.extend(param, wide),
                                    n.extend(whole, wide));
  sum = isByte ? n.clamp(sum, INT8_MIN, INT8_MAX)
               : n.clamp(sum, INT32_MIN, INT32_MAX);
  return {n.clamp(n.truncate(sum, param.getType()), getMin(), getMax())};
}

// Powers of two for a block -----------------------------------------------

/// The bits of infinity; NaN has larger ones.
static constexpr int64_t infinity = 0x7f800000;
/// The bits of a float below the exponent.
static constexpr int64_t fractionBits = 23;

/// The significant bits of f16.
static constexpr int64_t halfBits = 11;

/// The exponent, with its bias of 127, of a block: of the largest magnitude,
/// rounded to `significant` bits. So a maximum that is rounded up to a power of
/// two has the exponent of that.
static Value buildBlockExponent(const Numbers &n, Value maximum,
                                int64_t significant) {
  OpBuilder &b = n.b;
  Type word = maximum.getType();
  Value rounded = arith::AddIOp::create(
      b, n.loc, maximum,
      n.integer(word, int64_t(1) << (fractionBits - significant)));
  Value field =
      arith::ShRUIOp::create(b, n.loc, rounded, n.integer(word, fractionBits));
  // Denormal numbers have the exponent of the least normal ones.
  return arith::MaxSIOp::create(b, n.loc, field, n.integer(word, 1));
}

/// 2^`exponent` as two powers of two, whose product it is: it may be too large
/// or too small for a float.
static std::pair<Value, Value> buildPowers(const Numbers &n, Value exponent) {
  OpBuilder &b = n.b;
  Type word = exponent.getType();
  auto power = [&](Value exponent) -> Value {
    Value field =
        arith::AddIOp::create(b, n.loc, exponent, n.integer(word, 127));
    return arith::ShLIOp::create(b, n.loc, field,
                                 n.integer(word, fractionBits));
  };
  Value half = arith::ShRSIOp::create(b, n.loc, exponent, n.integer(word, 1));
  return {power(half), power(arith::SubIOp::create(b, n.loc, exponent, half))};
}

/// `x` times the floats whose bits are `powers`.
static Value buildScaled(const Numbers &n, Value x,
                         std::pair<Value, Value> powers) {
  for (Value power : {powers.first, powers.second})
    x = arith::MulFOp::create(
        n.b, n.loc, x,
        arith::BitcastOp::create(n.b, n.loc, x.getType(), power));
  return x;
}

SmallVector<Value> MagnitudeOp::buildScalar(OpBuilder &b, Location loc,
                                            ValueRange args) {
  Numbers n{b, loc};
  Value bits = arith::BitcastOp::create(b, loc, b.getI32Type(), args[0]);
  return {arith::AndIOp::create(b, loc, bits,
                                n.integer(b.getI32Type(), INT32_MAX))};
}

// For i16 with integers only, because processors without a floating-point unit
// call a function for each operation on floats. With the exponents E of the
// block and F of the number, and its significand M of 24 bits: |x| = M 2^(F -
// 150) and e = bits + 125 - E, so |x| 2^e = M / 2^(E - F + 25 - bits).
SmallVector<Value> BlockQuantizeOp::buildScalar(OpBuilder &b, Location loc,
                                                ValueRange args) {
  Numbers n{b, loc};
  auto bits = static_cast<int64_t>(getBits());
  Type word = b.getI32Type();
  auto constant = [&](int64_t value) { return n.integer(word, value); };
  Type type = getElementTypeOrSelf(getType());
  if (type.isF16()) {
    Value block = buildBlockExponent(n, args[1], halfBits);
    Value exponent = arith::SubIOp::create(b, loc, constant(bits + 125), block);
    Value scaled = buildScaled(n, args[0], buildPowers(n, exponent));
    return {arith::TruncFOp::create(b, loc, type, scaled)};
  }
  Value block = buildBlockExponent(n, args[1], bits - 1);
  Value x = arith::BitcastOp::create(b, loc, word, args[0]);
  Value sign = arith::ShRSIOp::create(b, loc, x, constant(31));
  Value field = arith::AndIOp::create(
      b, loc, arith::ShRUIOp::create(b, loc, x, constant(fractionBits)),
      constant(255));
  // The leading bit of a number that is not denormal.
  Value lead = arith::ShLIOp::create(
      b, loc, arith::MinSIOp::create(b, loc, field, constant(1)),
      constant(fractionBits));
  Value fraction = arith::AndIOp::create(
      b, loc, x, constant((int64_t(1) << fractionBits) - 1));
  Value significand = arith::OrIOp::create(b, loc, fraction, lead);
  Value exponent = arith::MaxSIOp::create(b, loc, field, constant(1));
  Value shift = arith::AddIOp::create(
      b, loc, arith::SubIOp::create(b, loc, block, exponent),
      constant(fractionBits + 2 - bits));
  // Of 24 bits, a shift of 25 leaves less than one half.
  shift = arith::MinSIOp::create(b, loc, shift, constant(fractionBits + 2));
  // To nearest: plus one half, or less by one unit if the result is even.
  Value below = arith::SubIOp::create(b, loc, shift, constant(1));
  Value half = arith::SubIOp::create(
      b, loc, arith::ShLIOp::create(b, loc, constant(1), below), constant(1));
  Value odd = arith::AndIOp::create(
      b, loc, arith::ShRUIOp::create(b, loc, significand, shift), constant(1));
  Value sum = arith::AddIOp::create(
      b, loc, arith::AddIOp::create(b, loc, significand, half), odd);
  Value magnitude = arith::ShRUIOp::create(b, loc, sum, shift);
  Value negated = arith::XOrIOp::create(b, loc, magnitude, sign);
  Value whole = arith::SubIOp::create(b, loc, negated, sign);
  return {n.truncate(whole, b.getI16Type())};
}

SmallVector<Value> BlockDequantizeOp::buildScalar(OpBuilder &b, Location loc,
                                                  ValueRange args) {
  Numbers n{b, loc};
  auto bits = static_cast<int64_t>(getBits());
  Type word = b.getI32Type(), real = b.getF32Type();
  auto constant = [&](int64_t value) { return n.integer(word, value); };
  Value isFinite = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                         args[1], constant(infinity));
  auto unlessInfinite = [&](Value power) -> Value {
    return arith::SelectOp::create(b, loc, isFinite, power,
                                   constant(infinity | 1 << 22));
  };
  if (getElementTypeOrSelf(getInput()).isF16()) {
    Value block = buildBlockExponent(n, args[1], halfBits);
    auto [first, second] = buildPowers(
        n, arith::SubIOp::create(b, loc, block, constant(bits + 125)));
    Value sum = arith::ExtFOp::create(b, loc, real, args[0]);
    return {buildScaled(n, sum, {unlessInfinite(first), second})};
  }
  Value block = buildBlockExponent(n, args[1], bits - 1);
  // The exponent of 2^-e = 2^(E - bits - 125).
  Value exponent = arith::AddIOp::create(b, loc, block, constant(2 - bits));
  Value power = arith::ShLIOp::create(b, loc, exponent, constant(fractionBits));
  // If the power is denormal, it is one bit of the fraction.
  Value place = n.clamp(
      arith::AddIOp::create(b, loc, exponent, constant(fractionBits - 1)), 0,
      fractionBits);
  Value isNormal = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                         exponent, constant(0));
  Value denormal = arith::ShLIOp::create(b, loc, constant(1), place);
  power = arith::SelectOp::create(b, loc, isNormal, power, denormal);
  power = unlessInfinite(power);
  Value sum = arith::SIToFPOp::create(b, loc, real, args[0]);
  return {arith::MulFOp::create(b, loc, sum,
                                arith::BitcastOp::create(b, loc, real, power))};
}
