//===- ActivationVjp.cpp - gradients of activation functions --------------===//
//
// Rules of the activations in PockElementwiseOps.td. If the gradient can be
// computed from the result, the rule reads the result: the next layer usually
// saves it anyway.
//
// The constants and edge cases are those of PyTorch's backward functions
// (`aten/src/ATen/native/cpu/Activation.cpp`). Comparisons treat NaN as there.
//
//===----------------------------------------------------------------------===//

#include "VjpRule.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

// tanh(x): dx = g (1 - y^2).
POCK_UNARY_VJP(TanhOp, g * (1.0 - y * y))

// 1 / (1 + exp(-x)): dx = g (1 - y) y.
POCK_UNARY_VJP(SigmoidOp, (g * (1.0 - y)) * y)

// max(x, 0): dx = g where y > 0.
POCK_UNARY_VJP(ReluOp, select(y <= 0.0, 0.0, g))

// min(max(x, low), high): dx = g strictly inside, zero at both ends.
POCK_VJP(HardtanhOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr y = g.at(getResult());
  // One mask, which may be saved instead of y. NaN is not inside.
  Expr aboveLow = y > getMin().convertToDouble();
  Expr belowHigh = y < getMax().convertToDouble();
  grads[0] = select(aboveLow & belowHigh, g, 0.0);
  return success();
}

// min(max(x, low), high): dx = g where low <= x <= high.
POCK_VJP(ClampOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr x = g.at(getInput());
  std::optional<APFloat> low = getMin(), high = getMax();
  if (!low && !high) {
    grads[0] = g;
    return success();
  }
  auto aboveLow = [&] { return x >= low->convertToDouble(); };
  auto belowHigh = [&] { return x <= high->convertToDouble(); };
  Expr inside = !high  ? aboveLow()
                : !low ? belowHigh()
                       : aboveLow() & belowHigh();
  grads[0] = select(inside, g, 0.0);
  return success();
}

// x if x > 0 else s x: dx = g where x > 0, else s g. The result has the sign of
// the input unless the slope is negative.
POCK_VJP(LeakyReluOp) {
  if (!needed[0])
    return success();
  double slope = getSlope().convertToDouble();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr sign = g.at(slope < 0.0 ? getInput() : getResult());
  Expr positive = sign > 0.0;
  grads[0] = select(positive, g, slope * g);
  return success();
}

// c x if x > 0 else c a (exp(k x) - 1):
// dx = c g where x > 0, else g k a c exp(k x).
POCK_VJP(EluOp) {
  if (!needed[0])
    return success();
  double alpha = getAlpha().convertToDouble();
  double scale = getScale().convertToDouble();
  double inputScale = getInputScale().convertToDouble();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr x = g.at(getInput());
  Expr slope = (inputScale * alpha * scale) * apply<ExpOp>(x * inputScale);
  Expr positive = x > 0.0;
  grads[0] = g * select(positive, slope.constant(scale), slope);
  return success();
}

// x relu6(x + 3) / 6: dx = 0 where x <= -3, g where x >= 3,
// else g (x / 3 + 1 / 2).
POCK_VJP(HardswishOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr x = g.at(getInput());
  Expr inner = g * (x / 3.0 + 0.5);
  Expr aboveLow = select(x >= 3.0, g, inner);
  grads[0] = select(x <= -3.0, 0.0, aboveLow);
  return success();
}

// relu6(x + 3) / 6: dx = g / 6 where -3 < x < 3. (PyTorch rounds 1 / 6 to
// float even for f64.)
POCK_VJP(HardsigmoidOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr x = g.at(getInput());
  Expr inner = g / 6.0;
  Expr aboveLow = select(x > -3.0, inner, 0.0);
  grads[0] = select(x < 3.0, aboveLow, 0.0);
  return success();
}

// x s with s = sigmoid(x): dx = g s (1 + x (1 - s)).
POCK_VJP(SiluOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr x = g.at(getInput());
  Expr sigmoid = apply<SigmoidOp>(x);
  grads[0] = g * (sigmoid * (1.0 + x * (1.0 - sigmoid)));
  return success();
}

/// x P(x) with the normal distribution P and its density p: P(x) + x p(x).
static Expr geluSlope(const Expr &x) {
  Expr distribution = 0.5 * (1.0 + apply<ErfOp>(x * M_SQRT1_2));
  Expr density = (0.5 * M_2_SQRTPI * M_SQRT1_2) * apply<ExpOp>(-0.5 * (x * x));
  return distribution + x * density;
}

/// x (1 + t) / 2 with t = tanh(u), u = k (x + c x^3):
/// (1 + t) / 2 + x (1 - t^2) u' / 2, u' = k (1 + 3 c x^2).
static Expr geluTanhSlope(const Expr &x) {
  constexpr double k = M_SQRT2 * M_2_SQRTPI * 0.5, c = 0.044715;
  Expr square = x * x;
  Expr tanh = apply<TanhOp>(k * (x + c * (square * x)));
  Expr inner = k * (1.0 + (3.0 * c) * square);
  Expr half = 0.5 * x;
  Expr right = half * (1.0 - tanh * tanh);
  Expr left = 0.5 * (1.0 + tanh);
  return left + right * inner;
}

// dx = g times the slope of the chosen form.
POCK_UNARY_VJP(GeluOp, g *(getApproximate() == GeluApproximation::Tanh
                               ? geluTanhSlope(x)
                               : geluSlope(x)))

// log(1 + exp(b x)) / b: dx = g sigmoid(b x), g above the threshold.
POCK_VJP(SoftplusOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr scaled = g.at(getInput()) * getBeta().convertToDouble();
  Expr inner = g * apply<SigmoidOp>(scaled);
  grads[0] = select(scaled > getThreshold().convertToDouble(), g, inner);
  return success();
}
