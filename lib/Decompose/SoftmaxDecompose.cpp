//===- SoftmaxDecompose.cpp - softmax and its logarithm -------------------===//
//
// Both have gradient rules of their own, which read only the result. They are
// decomposed inside their kernels.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/Expr.h"

#include <limits>

using namespace mlir;
using namespace mlir::pock;

static Expr maximum(const Expr &x, int64_t dim) {
  return x.make<AmaxOp>(Value(x), dim, /*keepdim=*/true);
}

bool SoftmaxOp::decomposesBeforeAutodiff() { return false; }

// exp(x - max) / sum(exp(x - max)): exp of the difference cannot overflow. A
// safe softmax is 0 / 1 if the maximum is minus infinity.
FailureOr<SmallVector<Value>> SoftmaxOp::decompose(OpBuilder &builder) {
  int64_t dim = getDim();
  Expr x(builder, getLoc(), getInput());
  Expr shift = maximum(x, dim);
  if (getSafe())
    shift =
        select(shift == -std::numeric_limits<double>::infinity(), 0.0, shift);
  Expr exponential = apply<ExpOp>(x - shift);
  Expr total = exponential.sum(dim, /*keepdim=*/true);
  if (getSafe())
    total = select(total == 0.0, 1.0, total);
  return SmallVector<Value>{exponential / total};
}

bool LogSoftmaxOp::decomposesBeforeAutodiff() { return false; }

// (x - max) - log(sum(exp(x - max))).
FailureOr<SmallVector<Value>> LogSoftmaxOp::decompose(OpBuilder &builder) {
  int64_t dim = getDim();
  Expr input(builder, getLoc(), getInput());
  Expr x = input - maximum(input, dim);
  Expr total = apply<ExpOp>(x).sum(dim, /*keepdim=*/true);
  return SmallVector<Value>{x - apply<LogOp>(total)};
}
