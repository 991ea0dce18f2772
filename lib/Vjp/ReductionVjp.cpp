//===- ReductionVjp.cpp - gradients of reductions and softmax -------------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

/// `reduced` with the dimensions `dims` of `type` kept as size 1, so that it
/// broadcasts to `type`.
static Expr keepDims(const Expr &reduced, RankedTensorType type,
                     ArrayRef<int64_t> dims) {
  SmallVector<int64_t> shape(type.getShape());
  for (int64_t dim : dims)
    shape[dim] = 1;
  return reduced.reshape(shape);
}

// sum(x): dx = g, broadcast.
POCK_VJP(SumOp) {
  if (!needed[0])
    return success();
  auto type = cast<RankedTensorType>(getInput().getType());
  Expr g(builder, getLoc(), cotangents[0]);
  grads[0] = keepDims(g, type, getDims()).expand(type);
  return success();
}

// mean(x) of n entries: dx = g / n, broadcast.
POCK_VJP(MeanOp) {
  if (!needed[0])
    return success();
  auto type = cast<RankedTensorType>(getInput().getType());
  int64_t count = 1;
  for (int64_t dim : getDims())
    count *= type.getDimSize(dim);
  Expr g(builder, getLoc(), cotangents[0]);
  grads[0] = keepDims(g / double(count), type, getDims()).expand(type);
  return success();
}

// max(x): dx = (g / n) where x = y, n being how many entries are.
POCK_VJP(AmaxOp) {
  if (!needed[0])
    return success();
  auto type = cast<RankedTensorType>(getInput().getType());
  Expr g(builder, getLoc(), cotangents[0]);
  Expr maximum = keepDims(g.at(getResult()), type, getDims());
  Expr isMaximum = g.at(getInput()) == maximum;
  // A product instead of a select, so that NaN propagates (no entry is equal
  // then).
  Expr mask = g.make<CastOp>(type, Value(isMaximum));
  Expr count = mask.sum(getDims(), /*keepdim=*/true);
  grads[0] = mask * (keepDims(g, type, getDims()) / count);
  return success();
}

// softmax(x): dx = (g - sum(g y)) y.
POCK_VJP(SoftmaxOp) {
  if (!needed[0])
    return success();
  int64_t dim = getDim();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr y = g.at(getResult());
  grads[0] = (g - (g * y).sum(dim, /*keepdim=*/true)) * y;
  return success();
}

// log(softmax(x)): dx = g - exp(y) sum(g).
POCK_VJP(LogSoftmaxOp) {
  if (!needed[0])
    return success();
  int64_t dim = getDim();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr total = g.sum(dim, /*keepdim=*/true);
  grads[0] = g - apply<ExpOp>(g.at(getResult())) * total;
  return success();
}
