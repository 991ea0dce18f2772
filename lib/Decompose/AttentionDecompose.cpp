//===- AttentionDecompose.cpp - attention and its gradient ----------------===//
//
// Both are decomposed inside their kernels. Scores and probabilities are
// scratch of one kernel, for at most one image at a time, and are not saved.
//
//===----------------------------------------------------------------------===//

#include "AttentionScores.h"

#include <limits>

using namespace mlir;
using namespace mlir::pock;

static constexpr double infinity = std::numeric_limits<double>::infinity();

static Expr product(const Expr &lhs, Value rhs, bool transposeLhs,
                    bool transposeRhs) {
  return lhs.make<MatmulOp>(Value(lhs), rhs, transposeLhs, transposeRhs);
}

/// `x`, or zero if it is minus infinity, as the maximum of a row without keys
/// is.
static Expr finite(const Expr &x) { return select(x == -infinity, 0.0, x); }

static Expr buildScores(OpBuilder &builder, Location loc, Value query,
                        Value key, Value mask, double scale, bool causal) {
  Expr q(builder, loc, query);
  Expr scores = product(q, key, false, true);
  if (scale != 1.0)
    scores = scores * scale;
  if (causal) {
    auto square = RankedTensorType::get(scores.type().getShape().take_back(2),
                                        builder.getI64Type());
    Expr row = scores.make<IotaOp>(square, /*dim=*/0);
    Expr column = scores.make<IotaOp>(square, /*dim=*/1);
    Expr visible = column <= row;
    scores = select(visible, scores, -infinity);
  }
  if (!mask)
    return scores;
  Expr m = scores.at(mask);
  if (m.type().getElementType().isInteger(1))
    return select(m, scores, -infinity);
  return scores + m;
}

AttentionScores::AttentionScores(OpBuilder &builder, Location loc, Value query,
                                 Value key, Value mask, double scale,
                                 bool causal)
    : query(query), key(key), scale(scale),
      scores(buildScores(builder, loc, query, key, mask, scale, causal)) {}

AttentionGradients AttentionScores::differentiate(Value value, Value output,
                                                  Value lse, Value gradient,
                                                  Value lseGradient) const {
  int64_t last = scores.rank() - 1;
  Expr probabilities = apply<ExpOp>(scores - finite(scores.at(lse)));
  Expr g = scores.at(gradient);
  Expr delta = (g * g.at(output)).sum(last, /*keepdim=*/true);
  if (lseGradient)
    delta = delta - g.at(lseGradient);
  Expr arriving = product(g, value, false, true);
  Expr shifted = arriving - delta;
  return {probabilities * shifted, probabilities};
}

Expr AttentionGradients::query(const AttentionScores &attention) const {
  return product(scores, attention.key, false, false) * attention.scale;
}

Expr AttentionGradients::key(const AttentionScores &attention) const {
  return product(scores, attention.query, true, false) * attention.scale;
}

Expr AttentionGradients::value(Value gradient) const {
  return product(probabilities, gradient, true, false);
}

bool AttentionOp::decomposesBeforeAutodiff() { return false; }

// softmax(scores) v = (exp(scores - m) v) / sum, lse = m + log(sum).
FailureOr<SmallVector<Value>> AttentionOp::decompose(OpBuilder &builder) {
  AttentionScores attention(builder, getLoc(), getQuery(), getKey(), getMask(),
                            getScale().convertToDouble(), getCausal());
  const Expr &scores = attention.getScores();
  int64_t last = scores.rank() - 1;
  Expr maximum = finite(scores.make<AmaxOp>(Value(scores), last, true));
  Expr weights = apply<ExpOp>(scores - maximum);
  Expr total = weights.sum(last, /*keepdim=*/true);
  Expr lse = maximum + apply<LogOp>(total);
  Expr mixed = product(weights, getValue(), false, false);
  Expr output = mixed / select(total == 0.0, 1.0, total);
  return SmallVector<Value>{output, lse};
}

bool AttentionGradOp::decomposesBeforeAutodiff() { return false; }

FailureOr<SmallVector<Value>> AttentionGradOp::decompose(OpBuilder &builder) {
  AttentionScores attention(builder, getLoc(), getQuery(), getKey(), getMask(),
                            getScale().convertToDouble(), getCausal());
  AttentionGradients gradients = attention.differentiate(
      getValue(), getOutput(), getLse(), getGradient(), /*lseGradient=*/{});
  Value query = gradients.query(attention), key = gradients.key(attention);
  Value value = gradients.value(getGradient());
  return SmallVector<Value>{query, key, value};
}
