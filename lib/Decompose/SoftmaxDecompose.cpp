//===- SoftmaxDecompose.cpp - softmax and its logarithm -------------------===//
//
// Both keep their own gradient, which reads the result only; they are
// decomposed later, inside their kernels.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/Expr.h"

using namespace mlir;
using namespace mlir::pock;

/// `x` minus its maximum along `dim`: exp of it cannot overflow.
static Expr shifted(const Expr &x, int64_t dim) {
  return x - x.make<AmaxOp>(Value(x), dim, /*keepdim=*/true);
}

bool SoftmaxOp::decomposesBeforeAutodiff() { return false; }

// exp(x - max) / sum(exp(x - max)).
FailureOr<SmallVector<Value>> SoftmaxOp::decompose(OpBuilder &builder) {
  int64_t dim = getDim();
  Expr x(builder, getLoc(), getInput());
  Expr exponential = apply<ExpOp>(shifted(x, dim));
  return SmallVector<Value>{exponential /
                            exponential.sum(dim, /*keepdim=*/true)};
}

bool LogSoftmaxOp::decomposesBeforeAutodiff() { return false; }

// (x - max) - log(sum(exp(x - max))).
FailureOr<SmallVector<Value>> LogSoftmaxOp::decompose(OpBuilder &builder) {
  int64_t dim = getDim();
  Expr x = shifted(Expr(builder, getLoc(), getInput()), dim);
  Expr total = apply<ExpOp>(x).sum(dim, /*keepdim=*/true);
  return SmallVector<Value>{x - apply<LogOp>(total)};
}
