//===- QuantVjp.cpp - gradients of quantisation ---------------------------===//
//
// A cotangent of integers is a float tensor: the gradient with respect to the
// integers. Rounding has derivative one (the straight-through estimator, Bengio
// et al., arXiv 1308.3432), and clamping one within its limits, both included.
//
//===----------------------------------------------------------------------===//

#include "VjpRule.h"

#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

// q = clamp(round(x / s) + z): dx = g / s where min <= round(x / s) + z <= max.
POCK_VJP(QuantizeOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  double inverse = 1.0 / getScale().convertToDouble();
  double zero = static_cast<double>(static_cast<int64_t>(getZeroPoint()));
  Expr rounded = apply<RoundOp>(g.at(getInput()) * inverse);
  Expr above =
      rounded >= static_cast<double>(static_cast<int64_t>(getMin())) - zero;
  Expr inside =
      above &
      (rounded <= static_cast<double>(static_cast<int64_t>(getMax())) - zero);
  grads[0] = select(inside, g * inverse, 0.0);
  return success();
}

// x = (q - z) s: dq = g s.
POCK_VJP(DequantizeOp) {
  if (getScales() && needed[1])
    return failure(); // scales are not trained
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  double scale = getScale().convertToDouble();
  Expr scaled = scale == 1.0 ? g : g * scale;
  grads[0] = getScales() ? scaled * g.at(getScales()) : scaled;
  return success();
}

// q = clamp(round(a m / 2^(32 - shift)) + z): da = g m / 2^(32 - shift) where q
// is not clamped.
POCK_VJP(RequantizeOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  auto shapeLike = [&](Value value, Type element) {
    return RankedTensorType::get(shapeOf(value), element);
  };
  Expr mask = g.make<RequantizeMaskOp>(
      shapeLike(getResult(), builder.getI1Type()), getInput(), getMultiplier(),
      getShift(), getZeroPointAttr(), getMinAttr(), getMaxAttr());
  Type element = g.type().getElementType();
  DenseElementsAttr known;
  if (!getShift() && matchPattern(getMultiplier(), m_Constant(&known)) &&
      known.isSplat()) {
    double factor = std::ldexp(
        static_cast<double>(known.getSplatValue<APInt>().getSExtValue()), -32);
    grads[0] = select(mask, g * factor, 0.0);
    return success();
  }
  Expr scale = g.make<DequantizeOp>(
      shapeLike(getMultiplier(), element), getMultiplier(), Value(),
      builder.getF64FloatAttr(std::ldexp(1.0, -32)),
      builder.getI64IntegerAttr(0));
  if (getShift()) {
    // 2^shift, exact.
    Expr one = g.make<ConstantOp>(
        DenseElementsAttr::get(RankedTensorType::get({}, builder.getI32Type()),
                               builder.getI32IntegerAttr(1)));
    Expr power = g.make<ShiftLeftOp>(Value(one), getShift());
    scale =
        scale * g.make<CastOp>(shapeLike(getShift(), element), Value(power));
  }
  grads[0] = select(mask, g * scale, 0.0);
  return success();
}
