//===- ElementwiseVjp.cpp - gradients of elementwise functions ------------===//
//
// Rules of the functions in PockElementwiseOps.td except activations. They
// agree with PyTorch's derivative also where the function is not
// differentiable.
//
//===----------------------------------------------------------------------===//

#include "VjpRule.h"

#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

// -x: dx = -g.
POCK_UNARY_VJP(NegOp, -g)

// |x|: dx = g sign(x), zero at zero.
POCK_UNARY_VJP(AbsOp, g *apply<SignOp>(x))

// exp(x): dx = g y.
POCK_UNARY_VJP(ExpOp, g *y)

// exp(x) - 1: dx = g (y + 1).
POCK_UNARY_VJP(Expm1Op, g *(y + 1.0))

// log(x): dx = g / x.
POCK_UNARY_VJP(LogOp, g / x)

// log(1 + x): dx = g / (x + 1).
POCK_UNARY_VJP(Log1pOp, g / (x + 1.0))

// sqrt(x): dx = g / (2 y), infinite at zero.
POCK_UNARY_VJP(SqrtOp, g / (2.0 * y))

// 1 / sqrt(x): dx = -g y^3 / 2.
POCK_UNARY_VJP(RsqrtOp, g * (-0.5 * y * y * y))

// erf(x): dx = g exp(-x^2) 2 / sqrt(pi).
POCK_UNARY_VJP(ErfOp, (M_2_SQRTPI * apply<ExpOp>(-(x * x))) * g)

// 1 - erf(x): dx = -g exp(-x^2) 2 / sqrt(pi).
POCK_UNARY_VJP(ErfcOp, (-M_2_SQRTPI * apply<ExpOp>(-(x * x))) * g)

// sin(x): dx = g cos(x).
POCK_UNARY_VJP(SinOp, g *apply<CosOp>(x))

// cos(x): dx = -g sin(x).
POCK_UNARY_VJP(CosOp, -(g *apply<SinOp>(x)))

// atan(x): dx = g / (x^2 + 1).
POCK_UNARY_VJP(AtanOp, g / (x * x + 1.0))

// dropout(x): dx = dropout(g) with the same mask, made again.
POCK_VJP(DropoutOp) {
  if (needed[0])
    grads[0] = DropoutOp::create(
        builder, getLoc(), getType(), cotangents[0], getSeed(), getStep(),
        getPAttr(), getStreamAttr(), getStridesAttr(), getOffsetAttr());
  return success();
}

/// Conversion: dx = g converted back; none if either type is an integer.
POCK_VJP(CastOp) {
  Value input = getInput();
  bool differentiable = isa<FloatType>(getElementTypeOrSelf(input)) &&
                        isa<FloatType>(getElementTypeOrSelf(getResult()));
  if (needed[0] && differentiable)
    grads[0] =
        CastOp::create(builder, getLoc(), input.getType(), cotangents[0]);
  return success();
}

//===----------------------------------------------------------------------===//
// Binary and more
//===----------------------------------------------------------------------===//

// a + b: da = g, db = g.
POCK_VJP(AddOp) {
  for (unsigned i = 0; i < 2; ++i)
    if (needed[i])
      grads[i] = unbroadcast(*this, i, builder, cotangents[0]);
  return success();
}

// a - b: da = g, db = -g, negated where it is smaller.
POCK_VJP(SubOp) {
  if (needed[0])
    grads[0] = unbroadcast(*this, 0, builder, cotangents[0]);
  if (needed[1])
    grads[1] =
        -Expr(builder, getLoc(), unbroadcast(*this, 1, builder, cotangents[0]));
  return success();
}

// a b: da = g b, db = g a.
POCK_VJP(MulOp) {
  Expr g(builder, getLoc(), cotangents[0]);
  if (needed[0])
    grads[0] = unbroadcast(*this, 0, builder, g * g.at(getRhs()));
  if (needed[1])
    grads[1] = unbroadcast(*this, 1, builder, g * g.at(getLhs()));
  return success();
}

// a / b: da = g / b, db = -g (y / b).
POCK_VJP(DivOp) {
  Expr g(builder, getLoc(), cotangents[0]);
  Expr rhs = g.at(getRhs()), y = g.at(getResult());
  if (needed[0])
    grads[0] = unbroadcast(*this, 0, builder, g / rhs);
  if (needed[1])
    grads[1] = -g.at(unbroadcast(*this, 1, builder, g * (y / rhs)));
  return success();
}

// a^b: da = g b a^(b - 1), zero where b is zero;
//      db = g y log(a), zero where a is zero and b is not negative.
POCK_VJP(PowOp) {
  Expr g(builder, getLoc(), cotangents[0]);
  Expr base = g.at(getLhs()), exponent = g.at(getRhs()), y = g.at(getResult());
  if (needed[0]) {
    Expr power = g.make<PowOp>(getLhs(), Value(exponent - 1.0));
    Expr slope = g * (exponent * power);
    grads[0] =
        unbroadcast(*this, 0, builder, select(exponent == 0.0, 0.0, slope));
  }
  if (needed[1]) {
    Expr slope = g * (y * apply<LogOp>(base));
    Expr isZero = base == 0.0;
    Expr notNegative = exponent >= 0.0;
    Expr flat = g.make<AndOp>(Value(isZero), Value(notNegative));
    grads[1] = unbroadcast(*this, 1, builder, select(flat, 0.0, slope));
  }
  return success();
}

// a - q b with q = trunc(a / b): da = g, db = -g q. The exact a - y is a
// multiple of b: its quotient, which may be rounded, is next to q.
POCK_VJP(FmodOp) {
  Expr g(builder, getLoc(), cotangents[0]);
  if (needed[0])
    grads[0] = unbroadcast(*this, 0, builder, g);
  if (needed[1]) {
    Expr multiple = g.at(getLhs()) - g.at(getResult());
    Expr quotient = apply<RoundOp>(multiple / g.at(getRhs()));
    grads[1] = unbroadcast(*this, 1, builder, -(g * quotient));
  }
  return success();
}

/// Maximum or minimum: an operand that `loses` gets zero, equal operands get
/// half each, and the other operand (or both, if either is NaN) gets all.
static Value extremumGradient(const Expr &g, const Expr &self,
                              const Expr &other, CmpPredicate loses) {
  Expr half = 0.5 * g;
  Expr shared = select(self == other, half, g);
  Expr lost = g.make<CmpOp>(Value(self), Value(other), loses);
  return select(lost, 0.0, shared);
}

static void extremumVjp(Operation *op, OpBuilder &builder, Value cotangent,
                        ArrayRef<bool> needed, MutableArrayRef<Value> grads,
                        CmpPredicate loses) {
  Expr g(builder, op->getLoc(), cotangent);
  for (unsigned i = 0; i < 2; ++i) {
    if (!needed[i])
      continue;
    Expr self = g.at(op->getOperand(i)), other = g.at(op->getOperand(1 - i));
    grads[i] =
        unbroadcast(op, i, builder, extremumGradient(g, self, other, loses));
  }
}

// max(a, b): da = g where a > b, g / 2 where a = b.
POCK_VJP(MaximumOp) {
  extremumVjp(*this, builder, cotangents[0], needed, grads, CmpPredicate::LT);
  return success();
}

// min(a, b): da = g where a < b, g / 2 where a = b.
POCK_VJP(MinimumOp) {
  extremumVjp(*this, builder, cotangents[0], needed, grads, CmpPredicate::GT);
  return success();
}

// c ? a : b: da = c ? g : 0, db = c ? 0 : g.
POCK_VJP(SelectOp) {
  Expr g(builder, getLoc(), cotangents[0]);
  Expr condition = g.at(getCondition());
  if (needed[1])
    grads[1] = unbroadcast(*this, 1, builder, select(condition, g, 0.0));
  if (needed[2])
    grads[2] = unbroadcast(*this, 2, builder, select(condition, 0.0, g));
  return success();
}

// v, derivatives d given: dv = 0, dx = g d.
POCK_VJP(WithDerivativesOp) {
  Expr g(builder, getLoc(), cotangents[0]);
  for (auto [i, derivative] : llvm::enumerate(getDerivatives())) {
    unsigned index = i + 1;
    if (needed[index])
      grads[index] = unbroadcast(*this, index, builder, g * g.at(derivative));
  }
  return success();
}
