//===- ToyVjp.cpp - gradients of toy ops ----------------------------------===//

#include "Toy.h"

#include "../../lib/Vjp/VjpRule.h"

using namespace mlir;
using namespace mlir::pock;
using namespace mlir::pock::toy;

// dx = g (t + x s (1 - t^2)), t = tanh(log(1 + exp(x))), s = sigmoid(x).
POCK_VJP(MishOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]), x = g.at(getInput());
  Expr t = apply<TanhOp>(apply<Log1pOp>(apply<ExpOp>(x)));
  Expr inner = x * apply<SigmoidOp>(x);
  Expr slope = inner * (1.0 - t * t);
  grads[0] = g * (t + slope);
  return success();
}

// Entry i is a factor of all entries of y from i on: dx = (the sum of g y from
// the other end) / x.
POCK_VJP(CumprodOp) {
  if (!needed[0])
    return success();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr total = g * g.at(getResult());
  grads[0] = g.make<CumsumOp>(g.type(), Value(total), getDim(),
                              /*reverse=*/true) /
             g.at(getInput());
  return success();
}

// dx = r (g - y mean(g y)), r = 1 / sqrt(mean(x^2) + eps).
POCK_VJP(RmsNormalizeOp) {
  if (!needed[0])
    return success();
  int64_t dim = getDim();
  Expr g(builder, getLoc(), cotangents[0]);
  Expr x = g.at(getInput()), y = g.at(getResult());
  Expr square = (x * x).mean(dim, /*keepdim=*/true);
  Expr r = apply<RsqrtOp>(square + getEps().convertToDouble());
  Expr along = (g * y).mean(dim, /*keepdim=*/true);
  grads[0] = r * (g - y * along);
  return success();
}
