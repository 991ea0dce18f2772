//===- GradientVjp.cpp - gradients that are given -------------------------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// custom_gradient(x, v): dx is what pock.set_gradients says. The driver has
// replaced the cotangents that it is computed from.
POCK_VJP(CustomGradientOp) {
  if (SetGradientsOp setter = getSetter())
    llvm::copy(setter.getGradients(), grads.begin());
  return success();
}
