//===- NormDecompose.cpp - normalisation ----------------------------------===//
//
// Batch normalisation: per-channel values stay vectors `[C]` and are broadcast
// only when combined with the activation, so that neither they nor their
// gradients are computed per element.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/Expr.h"

using namespace mlir;
using namespace mlir::pock;

/// `centered / sqrt(variance + eps) * weight + bias`; the last two may be null.
static Expr normalized(const Expr &centered, const Expr &variance, Value weight,
                       Value bias, int64_t axis, double eps) {
  auto along = [&](const Expr &vector) {
    return vector.alongAxis(axis, centered.rank());
  };
  Expr scale = apply<RsqrtOp>(variance + eps);
  if (weight)
    scale = scale * scale.at(weight);
  Expr result = centered * along(scale);
  return bias ? result + along(result.at(bias)) : result;
}

// (x - mean) / sqrt(variance + eps) * weight + bias.
FailureOr<SmallVector<Value>> BatchNormOp::decompose(OpBuilder &builder) {
  Expr x(builder, getLoc(), getInput());
  int64_t axis = getAxis();
  Expr centered = x - x.at(getMean()).alongAxis(axis, x.rank());
  return SmallVector<Value>{normalized(centered, x.at(getVariance()),
                                       getWeight(), getBias(), axis,
                                       getEps().convertToDouble())};
}

// The same with mean = mean(x), variance = mean((x - mean)^2) per channel.
FailureOr<SmallVector<Value>> BatchNormTrainOp::decompose(OpBuilder &builder) {
  Expr x(builder, getLoc(), getInput());
  int64_t axis = getAxis();
  SmallVector<int64_t> others;
  for (int64_t dim = 0; dim < x.rank(); ++dim)
    if (dim != axis)
      others.push_back(dim);
  Expr mean = x.mean(others);
  Expr centered = x - mean.alongAxis(axis, x.rank());
  Expr variance = (centered * centered).mean(others);
  Expr result = normalized(centered, variance, getWeight(), getBias(), axis,
                           getEps().convertToDouble());
  return SmallVector<Value>{result, mean, variance};
}

bool NormalizeOp::decomposesBeforeAutodiff() { return false; }

// (x - mean) / sqrt(mean((x - mean)^2) + eps).
FailureOr<SmallVector<Value>> NormalizeOp::decompose(OpBuilder &builder) {
  Expr x(builder, getLoc(), getInput());
  Expr centered = getCentered() ? x - x.mean(getDims(), /*keepdim=*/true) : x;
  Expr variance = (centered * centered).mean(getDims(), /*keepdim=*/true);
  Expr rstd = apply<RsqrtOp>(variance + getEps().convertToDouble());
  return SmallVector<Value>{centered * rstd, rstd};
}
