//===- AttentionScores.h - the formulas of attention ------------*- C++ -*-===//

#ifndef POCK_LIB_DECOMPOSE_ATTENTIONSCORES_H
#define POCK_LIB_DECOMPOSE_ATTENTIONSCORES_H

#include "Pock/IR/Expr.h"

namespace mlir::pock {

struct AttentionGradients;

/// `scale * query key^T`, masked.
class AttentionScores {
public:
  AttentionScores(OpBuilder &builder, Location loc, Value query, Value key,
                  Value mask, double scale, bool causal);

  /// The masked scores `[…, T, S]`.
  const Expr &getScores() const { return scores; }

  /// The gradients given `gradient` of the output and `lseGradient` of the
  /// logarithms, which may be null.
  AttentionGradients differentiate(Value value, Value output, Value lse,
                                   Value gradient, Value lseGradient) const;

  Value query, key;
  double scale;

private:
  Expr scores;
};

/// The gradient of the scores before `scale`, and the gradients computed from
/// it.
struct AttentionGradients {
  Expr scores;
  Expr probabilities;

  Expr query(const AttentionScores &attention) const;
  Expr key(const AttentionScores &attention) const;
  Expr value(Value gradient) const;
};

} // namespace mlir::pock

#endif // POCK_LIB_DECOMPOSE_ATTENTIONSCORES_H
