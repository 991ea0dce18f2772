//===- ElementwiseScalars.cpp - scalar code of unary ops ------------------===//
//
// `buildScalar` of the unary elementwise ops. It uses only `arith` and `math`
// ops without control flow, so that the code vectorises. NaN propagates where
// it does in PyTorch.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

namespace {

/// Arithmetic on floating-point scalars of one type.
struct Float {
  OpBuilder &b;
  Location loc;
  Type type;

  Float(OpBuilder &b, Location loc, Value like)
      : b(b), loc(loc), type(like.getType()) {}

  Value constant(double value) const {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  }
  Value add(Value x, Value y) const {
    return arith::AddFOp::create(b, loc, x, y);
  }
  Value mul(Value x, Value y) const {
    return arith::MulFOp::create(b, loc, x, y);
  }
  Value div(Value x, Value y) const {
    return arith::DivFOp::create(b, loc, x, y);
  }
  Value scale(Value x, double factor) const {
    return factor == 1.0 ? x : mul(x, constant(factor));
  }
  Value neg(Value x) const { return arith::NegFOp::create(b, loc, x); }
  Value exp(Value x) const { return math::ExpOp::create(b, loc, x); }
  /// `x < y ? y : x`: NaN and, where both are zero, the sign of `x` stay.
  Value max(Value x, double y) const {
    Value below = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x,
                                        constant(y));
    return arith::SelectOp::create(b, loc, below, constant(y), x);
  }
  /// `x > y ? y : x`.
  Value min(Value x, double y) const {
    return selectGreater(x, y, constant(y), x);
  }
  /// `x > y ? a : b`.
  Value selectGreater(Value x, double y, Value onTrue, Value onFalse) const {
    Value greater = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x,
                                          constant(y));
    return arith::SelectOp::create(b, loc, greater, onTrue, onFalse);
  }
  /// `1 + exp(-x)`.
  Value logisticDivisor(Value x) const {
    return add(constant(1.0), exp(neg(x)));
  }
  /// `min(max(x + 3, 0), 6)`.
  Value shiftedRelu6(Value x) const {
    return min(max(add(x, constant(3.0)), 0.0), 6.0);
  }
};

/// Truncates toward zero. Values out of range, for which `arith.fptosi` is
/// undefined, become the smallest integer of at least 32 bits.
Value convertToInteger(OpBuilder &b, Location loc, Value x, Type to) {
  unsigned bits = std::max(32u, to.getIntOrFloatBitWidth());
  Type wide = b.getIntegerType(bits);
  double limit = std::ldexp(1.0, bits - 1);
  auto compare = [&](arith::CmpFPredicate predicate, double bound) -> Value {
    Value constant =
        arith::ConstantOp::create(b, loc, b.getFloatAttr(x.getType(), bound));
    return arith::CmpFOp::create(b, loc, predicate, x, constant);
  };
  Value above = compare(arith::CmpFPredicate::OGE, -limit);
  Value below = compare(arith::CmpFPredicate::OLT, limit);
  Value within = arith::AndIOp::create(b, loc, above, below);
  Value smallest = arith::ConstantOp::create(
      b, loc, b.getIntegerAttr(wide, APInt::getSignedMinValue(bits)));
  Value integer = arith::FPToSIOp::create(b, loc, wide, x);
  integer = arith::SelectOp::create(b, loc, within, integer, smallest);
  return wide == to ? integer : arith::TruncIOp::create(b, loc, to, integer);
}

/// Rounds to nearest. Values that would round to infinity (from half a unit
/// above the largest bf16 on) are truncated instead: masks often hold the
/// smallest f32, and minus infinity in a row would make it NaN.
Value convertToBf16(OpBuilder &b, Location loc, Value x) {
  auto constant = [&](uint32_t value) -> Value {
    return arith::ConstantOp::create(
        b, loc, b.getI32IntegerAttr(static_cast<int32_t>(value)));
  };
  Value bits = arith::BitcastOp::create(b, loc, b.getI32Type(), x);
  Value size = arith::AndIOp::create(b, loc, bits, constant(0x7fffffff));
  Value above = arith::SubIOp::create(b, loc, size, constant(0x7f7f8000));
  Value overflows = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                          above, constant(0x8000));
  Value cut = arith::AndIOp::create(b, loc, bits, constant(0xffff0000));
  bits = arith::SelectOp::create(b, loc, overflows, cut, bits);
  Value finite = arith::BitcastOp::create(b, loc, b.getF32Type(), bits);
  return arith::TruncFOp::create(b, loc, b.getBF16Type(), finite);
}

/// A conversion between number types, as documented at `pock.cast`.
Value convertScalar(OpBuilder &b, Location loc, Value x, Type to) {
  Type from = x.getType();
  if (from == to)
    return x;
  unsigned fromBits = from.getIntOrFloatBitWidth();
  unsigned toBits = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from)) {
    if (to.isInteger(1)) {
      Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(from));
      return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x, zero);
    }
    if (isa<IntegerType>(to))
      return convertToInteger(b, loc, x, to);
    if (from.isF32() && to.isBF16())
      return convertToBf16(b, loc, x);
    if (fromBits < toBits)
      return arith::ExtFOp::create(b, loc, to, x);
    if (fromBits > toBits)
      return arith::TruncFOp::create(b, loc, to, x);
    // Between two 16-bit formats, convert through f32, which represents both
    // exactly.
    return arith::TruncFOp::create(
        b, loc, to, arith::ExtFOp::create(b, loc, b.getF32Type(), x));
  }
  if (to.isInteger(1)) {
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(from));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x, zero);
  }
  if (isa<FloatType>(to)) {
    if (from.isInteger(1))
      return arith::UIToFPOp::create(b, loc, to, x);
    return arith::SIToFPOp::create(b, loc, to, x);
  }
  if (fromBits > toBits)
    return arith::TruncIOp::create(b, loc, to, x);
  if (from.isInteger(1))
    return arith::ExtUIOp::create(b, loc, to, x);
  return arith::ExtSIOp::create(b, loc, to, x);
}

} // namespace

/// Defines `buildScalar` of the unary op OP. In the body, `x` is the operand,
/// and `f` builds arithmetic of its type.
#define POCK_UNARY_SCALAR(OP)                                                  \
  static Value scalarOf##OP(OP op, const Float &f, Value x);                   \
  SmallVector<Value> OP::buildScalar(OpBuilder &b, Location loc,               \
                                     ValueRange args) {                        \
    return {scalarOf##OP(*this, Float(b, loc, args[0]), args[0])};             \
  }                                                                            \
  static Value scalarOf##OP([[maybe_unused]] OP op, const Float &f, Value x)

POCK_UNARY_SCALAR(NegOp) { return f.neg(x); }

POCK_UNARY_SCALAR(AbsOp) { return math::AbsFOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(SignOp) {
  // Both comparisons are false for NaN.
  Value zero = f.constant(0.0);
  Value negative =
      arith::CmpFOp::create(f.b, f.loc, arith::CmpFPredicate::OLT, x, zero);
  Value rest =
      arith::SelectOp::create(f.b, f.loc, negative, f.constant(-1.0), zero);
  return f.selectGreater(x, 0.0, f.constant(1.0), rest);
}

POCK_UNARY_SCALAR(ExpOp) { return f.exp(x); }

POCK_UNARY_SCALAR(Expm1Op) { return math::ExpM1Op::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(LogOp) { return math::LogOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(Log1pOp) { return math::Log1pOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(SqrtOp) { return math::SqrtOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(RsqrtOp) {
  // Not math.rsqrt, which may be an approximation.
  return f.div(f.constant(1.0), math::SqrtOp::create(f.b, f.loc, x));
}

POCK_UNARY_SCALAR(ErfOp) { return math::ErfOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(ErfcOp) { return math::ErfcOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(TanhOp) { return math::TanhOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(SigmoidOp) {
  // exp overflows to infinity for very negative x, which divides to zero.
  return f.div(f.constant(1.0), f.logisticDivisor(x));
}

POCK_UNARY_SCALAR(SinOp) { return math::SinOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(CosOp) { return math::CosOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(AtanOp) { return math::AtanOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(FloorOp) { return math::FloorOp::create(f.b, f.loc, x); }

POCK_UNARY_SCALAR(RoundOp) { return math::RoundEvenOp::create(f.b, f.loc, x); }

SmallVector<Value> StopGradientOp::buildScalar(OpBuilder &, Location,
                                               ValueRange args) {
  return {args[0]};
}

POCK_UNARY_SCALAR(ReluOp) { return f.max(x, 0.0); }

POCK_UNARY_SCALAR(HardtanhOp) {
  return f.min(f.max(x, op.getMin().convertToDouble()),
               op.getMax().convertToDouble());
}

POCK_UNARY_SCALAR(ClampOp) {
  if (std::optional<APFloat> min = op.getMin())
    x = f.max(x, min->convertToDouble());
  if (std::optional<APFloat> max = op.getMax())
    x = f.min(x, max->convertToDouble());
  return x;
}

POCK_UNARY_SCALAR(LeakyReluOp) {
  return f.selectGreater(x, 0.0, x,
                         f.scale(x, op.getSlope().convertToDouble()));
}

POCK_UNARY_SCALAR(EluOp) {
  double scale = op.getScale().convertToDouble();
  Value inner = f.scale(x, op.getInputScale().convertToDouble());
  Value negative = f.scale(math::ExpM1Op::create(f.b, f.loc, inner),
                           scale * op.getAlpha().convertToDouble());
  return f.selectGreater(x, 0.0, f.scale(x, scale), negative);
}

POCK_UNARY_SCALAR(HardswishOp) {
  return f.div(f.mul(x, f.shiftedRelu6(x)), f.constant(6.0));
}

POCK_UNARY_SCALAR(HardsigmoidOp) {
  return f.div(f.shiftedRelu6(x), f.constant(6.0));
}

POCK_UNARY_SCALAR(SiluOp) { return f.div(x, f.logisticDivisor(x)); }

POCK_UNARY_SCALAR(GeluOp) {
  constexpr double sqrtHalf = 0.70710678118654752440;
  constexpr double sqrtTwoOverPi = 0.79788456080286535588;
  Value inner;
  if (op.getApproximate() == GeluApproximation::Tanh) {
    Value cube = f.mul(f.mul(x, x), x);
    Value sum = f.add(x, f.scale(cube, 0.044715));
    inner = math::TanhOp::create(f.b, f.loc, f.scale(sum, sqrtTwoOverPi));
  } else {
    inner = math::ErfOp::create(f.b, f.loc, f.scale(x, sqrtHalf));
  }
  return f.mul(f.scale(x, 0.5), f.add(f.constant(1.0), inner));
}

POCK_UNARY_SCALAR(SoftplusOp) {
  // log(1 + exp(z)) = max(z, 0) + log1p(exp(-|z|)) does not overflow.
  double beta = op.getBeta().convertToDouble();
  Value z = f.scale(x, beta);
  Value decay = f.exp(f.neg(math::AbsFOp::create(f.b, f.loc, z)));
  Value soft = f.add(f.max(z, 0.0), math::Log1pOp::create(f.b, f.loc, decay));
  if (beta != 1.0)
    soft = f.div(soft, f.constant(beta));
  return f.selectGreater(z, op.getThreshold().convertToDouble(), x, soft);
}

#undef POCK_UNARY_SCALAR

SmallVector<Value> NotOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  Value one = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  return {arith::XOrIOp::create(b, loc, args[0], one)};
}

SmallVector<Value> BceOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  Float f(b, loc, args[0]);
  Value x = args[0], t = args[1];
  Value log = f.max(math::LogOp::create(b, loc, x), -100.0);
  Value rest = f.max(math::Log1pOp::create(b, loc, f.neg(x)), -100.0);
  Value other = f.add(f.constant(1.0), f.neg(t));
  return {f.neg(f.add(f.mul(t, log), f.mul(other, rest)))};
}

SmallVector<Value> CastOp::buildScalar(OpBuilder &b, Location loc,
                                       ValueRange args) {
  return {convertScalar(b, loc, args[0], getType().getElementType())};
}
