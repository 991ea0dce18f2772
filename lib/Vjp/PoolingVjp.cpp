//===- PoolingVjp.cpp - gradients of pooling ------------------------------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// max(window): dx = g at the first maximum. The index within the window is
// saved, one byte, not the input.
POCK_VJP(MaxPoolOp) {
  if (!needed[0])
    return success();
  Value index = MaxPoolIndexOp::create(
      builder, getLoc(), getInput(), getKernelAttr(), getStridesAttr(),
      getPadLowAttr(), getPadHighAttr(), getDilationsAttr(), getLayoutAttr());
  grads[0] = MaxPoolGradOp::create(
      builder, getLoc(), getInput().getType(), cotangents[0], index,
      getKernelAttr(), getStridesAttr(), getPadLowAttr(), getPadHighAttr(),
      getDilationsAttr(), getLayoutAttr());
  return success();
}

/// `g` repeated over the windows of `op`, null if these do not tile its input.
static Value repeatOverTiles(SumPoolOp op, const Expr &g) {
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  int64_t first = firstSpatialDim(op.getLayout());
  SmallVector<int64_t> thin(shape), wide(shape);
  // Back to front: each spatial dimension becomes (window, place in it).
  for (int64_t i = op.getKernel().size() - 1; i >= 0; --i) {
    int64_t size = op.getKernel()[i], windows = shapeOf(g)[first + i];
    if (op.getStrides()[i] != size || op.getDilations()[i] != 1 ||
        op.getPadLow()[i] != 0 || windows * size != shape[first + i])
      return {};
    thin[first + i] = wide[first + i] = windows;
    thin.insert(thin.begin() + first + i + 1, 1);
    wide.insert(wide.begin() + first + i + 1, size);
  }
  auto type = RankedTensorType::get(wide, g.type().getElementType());
  return g.reshape(thin).expand(type).reshape(shape);
}

// sum(window): dx = the sum of g over the windows that hold x.
POCK_VJP(SumPoolOp) {
  if (!needed[0])
    return success();
  grads[0] = repeatOverTiles(*this, Expr(builder, getLoc(), cotangents[0]));
  if (!grads[0])
    grads[0] = SumPoolGradOp::create(
        builder, getLoc(), getInput().getType(), cotangents[0], getKernelAttr(),
        getStridesAttr(), getPadLowAttr(), getPadHighAttr(), getDilationsAttr(),
        getLayoutAttr());
  return success();
}

// The transpose of sum(window): its gradient is sum(window).
POCK_VJP(SumPoolGradOp) {
  if (needed[0])
    grads[0] = SumPoolOp::create(
        builder, getLoc(), getGradient().getType(), cotangents[0],
        getKernelAttr(), getStridesAttr(), getPadLowAttr(), getPadHighAttr(),
        getDilationsAttr(), getLayoutAttr());
  return success();
}
