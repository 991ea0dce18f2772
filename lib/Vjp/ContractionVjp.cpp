//===- ContractionVjp.cpp - gradients of products and convolutions --------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

/// `value` with its last two dimensions exchanged.
static Expr transposed(const Expr &value) {
  SmallVector<int64_t> permutation =
      llvm::to_vector(llvm::seq<int64_t>(0, value.rank()));
  std::swap(permutation[value.rank() - 1], permutation[value.rank() - 2]);
  return value.transpose(permutation);
}

// With L [M, K] and R [K, N] the matrices that are multiplied:
//   dL = g R^T [M, K], dR = L^T g [K, N],
// each transposed if its operand is. A transposed right operand is made
// explicit: of a frozen weight it is computed once, and no product then reads
// columns. A transposed left operand is a flag: it is a sum of outer products.
POCK_VJP(MatmulOp) {
  Expr g(builder, getLoc(), cotangents[0]);
  Expr lhs = g.at(getLhs()), rhs = g.at(getRhs());
  auto product = [&](const Expr &a, const Expr &b, bool transposeLhs) -> Value {
    return g.make<MatmulOp>(Value(a), Value(b), transposeLhs,
                            /*transpose_rhs=*/false);
  };
  if (needed[0] && !getTransposeLhs())
    grads[0] = product(g, getTransposeRhs() ? rhs : transposed(rhs), false);
  else if (needed[0]) // (g R^T)^T = R g^T
    grads[0] = product(rhs, transposed(g), getTransposeRhs());
  if (needed[1] && !getTransposeRhs())
    grads[1] = product(lhs, g, !getTransposeLhs());
  else if (needed[1]) // (L^T g)^T = g^T L
    grads[1] = product(g, getTransposeLhs() ? transposed(lhs) : lhs, true);
  return success();
}

// conv(x, w), linear in both: dx = conv_transpose(g, w),
// dw = conv_weight_grad(x, g).
POCK_VJP(ConvOp) {
  if (needed[0])
    grads[0] = ConvTransposeOp::create(
        builder, getLoc(), getInput().getType(), cotangents[0], getWeight(),
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr());
  if (needed[1])
    grads[1] = ConvWeightGradOp::create(
        builder, getLoc(), getWeight().getType(), getInput(), cotangents[0],
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr());
  return success();
}

// conv_transpose(x, w), the transpose of conv(., w): dx = conv(g, w), and as
// <g, conv_transpose(x, w)> = <conv(g, w), x>: dw = conv_weight_grad(g, x).
POCK_VJP(ConvTransposeOp) {
  if (needed[0])
    grads[0] = ConvOp::create(
        builder, getLoc(), getInput().getType(), cotangents[0], getWeight(),
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr());
  if (needed[1])
    grads[1] = ConvWeightGradOp::create(
        builder, getLoc(), getWeight().getType(), cotangents[0], getInput(),
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getGroupsAttr(), getLayoutAttr());
  return success();
}
