//===- NormVjp.cpp - gradients of normalisation ---------------------------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// y = (x - mean) r over n entries: dx = r (g - mean(g) - y mean(g y)); the term
// mean(g) is left out if the mean is not subtracted. The cotangent h of r =
// (var + eps)^(-1/2) adds -h r^2 y / n.
POCK_VJP(NormalizeOp) {
  if (!needed[0])
    return success();
  ArrayRef<int64_t> dims = getDims();
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= getInput().getType().getDimSize(dim);
  Expr y(builder, getLoc(), getNormalized());
  Expr r = y.at(getRstd());
  auto add = [&](const Expr &part) {
    grads[0] = grads[0] ? Value(y.at(grads[0]) + part) : Value(part);
  };
  if (cotangents[0]) {
    Expr g = y.at(cotangents[0]);
    Expr along = (g * y).mean(dims, /*keepdim=*/true);
    Expr rest = g - y * along;
    if (getCentered())
      rest = rest - g.mean(dims, /*keepdim=*/true);
    add(rest * r);
  }
  if (cotangents[1]) {
    Expr factor = y.at(cotangents[1]) * (r * r) * (-1.0 / double(count));
    add(y * factor);
  }
  return success();
}
