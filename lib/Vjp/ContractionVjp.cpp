//===- ContractionVjp.cpp - gradients of products and convolutions --------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

/// `value` as a factor of a gradient: real numbers without zero point.
static Value asReal(OpBuilder &builder, Location loc, Value value,
                    int64_t zeroPoint, Value cotangent) {
  auto type = cast<RankedTensorType>(value.getType());
  if (isa<FloatType>(type.getElementType()))
    return value;
  auto real =
      type.clone(cast<RankedTensorType>(cotangent.getType()).getElementType());
  return DequantizeOp::create(builder, loc, real, value, Value(),
                              builder.getF64FloatAttr(1.0),
                              builder.getI64IntegerAttr(zeroPoint));
}

// With L [M, K] and R [K, N] the matrices that are multiplied:
//   dL = g R^T [M, K], dR = L^T g [K, N],
// each transposed if its operand is.
POCK_VJP(MatmulOp) {
  Value g = cotangents[0];
  auto real = [&](Value value, int64_t zero) {
    return asReal(builder, getLoc(), value, zero, g);
  };
  Value lhs = needed[1] ? real(getLhs(), getLhsZero()) : Value();
  Value rhs = needed[0] ? real(getRhs(), getRhsZero()) : Value();
  auto product = [&](Value a, bool transposeA, Value b, bool transposeB) {
    return Expr(builder, getLoc(), a)
        .make<MatmulOp>(a, b, transposeA, transposeB);
  };
  if (needed[0])
    grads[0] = getTransposeLhs() ? product(rhs, getTransposeRhs(), g, true)
                                 : product(g, false, rhs, !getTransposeRhs());
  if (needed[1])
    grads[1] = getTransposeRhs() ? product(g, true, lhs, getTransposeLhs())
                                 : product(lhs, !getTransposeLhs(), g, false);
  return success();
}

/// The type of the cotangent of `value`, where that of the result is `g`.
static RankedTensorType cotangentOf(Value value, Value g) {
  return cast<RankedTensorType>(value.getType())
      .clone(cast<RankedTensorType>(g.getType()).getElementType());
}

// conv(x, w), linear in both: dx = conv_transpose(g, w),
// dw = conv_weight_grad(x, g).
POCK_VJP(ConvOp) {
  Value g = cotangents[0];
  if (needed[0])
    grads[0] = ConvTransposeOp::create(
        builder, getLoc(), cotangentOf(getInput(), g), g,
        asReal(builder, getLoc(), getWeight(), 0, g), getStridesAttr(),
        getPadLowAttr(), getPadHighAttr(), getDilationsAttr(), getGroupsAttr(),
        getLayoutAttr(), AlgorithmAttr(), IntegerAttr());
  if (needed[1])
    grads[1] = ConvWeightGradOp::create(
        builder, getLoc(), cotangentOf(getWeight(), g),
        asReal(builder, getLoc(), getInput(), getInputZero(), g), g,
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr(), AlgorithmAttr(), IntegerAttr(),
        IntegerAttr());
  return success();
}

// conv_transpose(x, w), the transpose of conv(., w): dx = conv(g, w), and as
// <g, conv_transpose(x, w)> = <conv(g, w), x>: dw = conv_weight_grad(g, x).
POCK_VJP(ConvTransposeOp) {
  Value g = cotangents[0];
  if (needed[0])
    grads[0] = ConvOp::create(
        builder, getLoc(), cotangentOf(getInput(), g), g,
        asReal(builder, getLoc(), getWeight(), 0, g), getStridesAttr(),
        getPadLowAttr(), getPadHighAttr(), getDilationsAttr(), getGroupsAttr(),
        getLayoutAttr(), AlgorithmAttr(), builder.getI64IntegerAttr(0),
        builder.getI64IntegerAttr(0));
  if (needed[1])
    grads[1] = ConvWeightGradOp::create(
        builder, getLoc(), cotangentOf(getWeight(), g), g,
        asReal(builder, getLoc(), getInput(), getInputZero(), g),
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr(), AlgorithmAttr(), IntegerAttr(),
        IntegerAttr());
  return success();
}
