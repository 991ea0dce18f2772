//===- PoolingVjp.cpp - gradients of pooling ------------------------------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// max(window): dx = g at the first maximum. What is saved is the index within
// the window, a byte, not the input.
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

// sum(window): dx = the sum of g over the windows that hold x.
POCK_VJP(SumPoolOp) {
  if (needed[0])
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
