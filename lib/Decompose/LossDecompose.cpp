//===- LossDecompose.cpp - losses -----------------------------------------===//
//
// Neither the loss nor its gradient overflows for large logits. Entries that do
// not count (other classes, ignored targets) are removed by select, not by
// multiplication with zero, because they may be infinite.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/Expr.h"

using namespace mlir;
using namespace mlir::pock;

/// `loss` per entry, reduced over all dimensions.
static Expr reduceLoss(const Expr &loss, Reduction reduction) {
  auto dims = llvm::to_vector(llvm::seq<int64_t>(0, loss.rank()));
  switch (reduction) {
  case Reduction::None:
    return loss;
  case Reduction::Mean:
    return loss.mean(dims);
  case Reduction::Sum:
    return loss.sum(dims);
  }
  llvm_unreachable("all reductions handled");
}

//===----------------------------------------------------------------------===//
// Cross entropy
//===----------------------------------------------------------------------===//

/// The mask of the entries of `logits` `[N, C, …]` that belong to the target's
/// class.
static Expr targetClass(const Expr &logits, const Expr &target) {
  SmallVector<int64_t> columns(shapeOf(logits)), classes(logits.rank(), 1);
  columns[1] = 1;
  classes[1] = shapeOf(logits)[1];
  auto type = RankedTensorType::get(classes, target.type().getElementType());
  Expr index = logits.make<IotaOp>(type, /*dim=*/1);
  return index == target.reshape(columns);
}

// Per row, with t the target, s the smoothing and p = log_softmax(x):
//   (1 - s) w[t] (-p[t]) + s / C sum_c w[c] (-p[c]), zero if ignored,
// and for the mean the sum of these over that of w[t] of rows not ignored.
FailureOr<SmallVector<Value>> CrossEntropyOp::decompose(OpBuilder &builder) {
  Expr logits(builder, getLoc(), getLogits());
  Expr target = logits.at(getTarget());
  double smoothing = getLabelSmoothing().convertToDouble();
  int64_t numClasses = shapeOf(getLogits())[1];

  Expr logp = logits.make<LogSoftmaxOp>(getLogits(), /*dim=*/1);
  Expr isTarget = targetClass(logits, target);
  Expr counts = target != double(int64_t(getIgnoreIndex()));

  // `classWeight` broadcasts along the classes; `rowWeight` is w[t].
  Expr loss = -select(isTarget, logp, 0.0).sum(1);
  std::optional<Expr> classWeight, rowWeight;
  if (getWeight()) {
    classWeight = logits.at(getWeight()).alongAxis(1, logits.rank());
    rowWeight = select(isTarget, *classWeight, 0.0).sum(1);
    loss = *rowWeight * loss;
  }
  if (smoothing != 0.0) {
    Expr all = classWeight ? *classWeight * logp : logp;
    Expr smooth = (-smoothing / numClasses) * all.sum(1);
    loss = (1.0 - smoothing) * loss + smooth;
  }
  loss = select(counts, loss, 0.0);
  if (getReduction() != Reduction::Mean)
    return SmallVector<Value>{reduceLoss(loss, getReduction())};

  Expr divisors = rowWeight ? select(counts, *rowWeight, 0.0)
                            : counts.make<CastOp>(loss.type(), Value(counts));
  Expr divisor = reduceLoss(divisors, Reduction::Sum);
  return SmallVector<Value>{reduceLoss(loss, Reduction::Sum) / divisor};
}

//===----------------------------------------------------------------------===//
// Losses per entry
//===----------------------------------------------------------------------===//

// (x - t)^2.
FailureOr<SmallVector<Value>> MseLossOp::decompose(OpBuilder &builder) {
  Expr input(builder, getLoc(), getInput());
  Expr difference = input - input.at(getTarget());
  return SmallVector<Value>{
      reduceLoss(difference * difference, getReduction())};
}

// |x - t|.
FailureOr<SmallVector<Value>> L1LossOp::decompose(OpBuilder &builder) {
  Expr input(builder, getLoc(), getInput());
  Expr difference = input - input.at(getTarget());
  return SmallVector<Value>{
      reduceLoss(apply<AbsOp>(difference), getReduction())};
}

// w ((1 - t) x + (1 + (pos_weight - 1) t) softplus(-x)).
FailureOr<SmallVector<Value>> BceWithLogitsOp::decompose(OpBuilder &builder) {
  Expr x(builder, getLoc(), getInput());
  Expr target = x.at(getTarget());
  // The threshold above which softplus is the identity: exp(-40) is below half
  // a unit in the last place even of f64.
  Expr positive = x.make<SoftplusOp>(Value(-x), builder.getF64FloatAttr(1.0),
                                     builder.getF64FloatAttr(40.0));
  if (Value weight = getPosWeight())
    positive = positive * (1.0 + (x.at(weight) - 1.0) * target);
  Expr loss = (1.0 - target) * x;
  loss = loss + positive;
  if (Value weight = getWeight())
    loss = loss * x.at(weight);
  return SmallVector<Value>{reduceLoss(loss, getReduction())};
}
