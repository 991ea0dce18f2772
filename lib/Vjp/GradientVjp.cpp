//===- GradientVjp.cpp - gradients that the model gives -------------------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// custom_gradient(x, v): pock.set_gradients gives dx. The driver has replaced
// the cotangents that dx is computed from.
POCK_VJP(CustomGradientOp) {
  if (SetGradientsOp setter = getSetter())
    llvm::copy(setter.getGradients(), grads.begin());
  return success();
}
