//===- LossVjp.cpp - gradients of losses ----------------------------------===//
//
// Rules of the losses that are not decomposed before differentiation.
//
//===----------------------------------------------------------------------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// bce(x, t): dx = g (x - t) / max(x (1 - x), 1e-12),
//            dt = g (log(1 - x) - log(x)), not limited, as in PyTorch.
POCK_VJP(BceOp) {
  Expr g(builder, getLoc(), cotangents[0]);
  Expr x = g.at(getInput()), t = g.at(getTarget());
  if (needed[0]) {
    Expr rest = 1.0 - x;
    Expr variance = x * rest;
    Expr bound = variance.constant(1e-12f); // A float in PyTorch, too.
    Expr divisor = variance.make<MaximumOp>(Value(variance), Value(bound));
    Expr difference = x - t;
    grads[0] = g * (difference / divisor);
  }
  if (needed[1]) {
    Expr log = apply<LogOp>(x);
    Expr logRest = apply<Log1pOp>(-x);
    grads[1] = g * (logRest - log);
  }
  return success();
}
