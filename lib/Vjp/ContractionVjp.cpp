//===- ContractionVjp.cpp - gradients of products and convolutions --------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// With L [M, K] and R [K, N] the matrices that are multiplied:
//   dL = g R^T [M, K], dR = L^T g [K, N],
// each transposed if its operand is.
POCK_VJP(MatmulOp) {
  Value g = cotangents[0], lhs = getLhs(), rhs = getRhs();
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

// conv(x, w), linear in both: dx = conv_transpose(g, w),
// dw = conv_weight_grad(x, g).
POCK_VJP(ConvOp) {
  if (needed[0])
    grads[0] = ConvTransposeOp::create(
        builder, getLoc(), getInput().getType(), cotangents[0], getWeight(),
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr(), AlgorithmAttr());
  if (needed[1])
    grads[1] = ConvWeightGradOp::create(
        builder, getLoc(), getWeight().getType(), getInput(), cotangents[0],
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr(), AlgorithmAttr());
  return success();
}

// conv_transpose(x, w), the transpose of conv(., w): dx = conv(g, w), and as
// <g, conv_transpose(x, w)> = <conv(g, w), x>: dw = conv_weight_grad(g, x).
POCK_VJP(ConvTransposeOp) {
  if (needed[0])
    grads[0] = ConvOp::create(
        builder, getLoc(), getInput().getType(), cotangents[0], getWeight(),
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr(), AlgorithmAttr());
  if (needed[1])
    grads[1] = ConvWeightGradOp::create(
        builder, getLoc(), getWeight().getType(), cotangents[0], getInput(),
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr(), AlgorithmAttr());
  return success();
}
