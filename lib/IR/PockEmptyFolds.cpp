//===- PockEmptyFolds.cpp - folds of tensors without entries --------------===//
//
// A value without entries is a constant, a sum over no entries is zero, and
// joining, adding or inserting a value without entries changes nothing. So no
// kernel has an empty loop, and an empty parameter is neither read nor updated.
//
// These folds run only after differentiation: a parameter whose entries do not
// reach the loss has a gradient of zeros, with which weight decay applies.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/EmptyPatterns.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/IR/PatternMatch.h"
#include <limits>

using namespace mlir;
using namespace mlir::pock;

static bool isEmpty(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getNumElements() == 0;
}

static bool hasEmptyOperand(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), isEmpty);
}

/// Whether the results of `op` are sums of products of its operands' entries.
static bool isSumOfProducts(Operation *op) {
  return getKernelRole(op) == KernelRole::Contraction ||
         isa<SumOp, SumPoolGradOp, MaxPoolGradOp, AttentionGradOp>(op);
}

namespace {
/// Any op: readers of a result without entries read a constant instead.
struct EmptyResult : RewritePattern {
  EmptyResult(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isa<KernelRoleOpInterface>(op) || isa<ConstantOp>(op) ||
        !isMemoryEffectFree(op))
      return failure();
    bool changed = false;
    for (Value result : op->getResults()) {
      if (!isEmpty(result.getType()) || result.use_empty())
        continue;
      rewriter.replaceAllUsesWith(
          result, splatConstant(rewriter, op->getLoc(),
                                cast<RankedTensorType>(result.getType()), 0.0));
      changed = true;
    }
    return success(changed);
  }
};

/// Any op: a sum over no entries is zero, also with several results.
struct EmptySum : RewritePattern {
  EmptySum(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isSumOfProducts(op) || !hasEmptyOperand(op))
      return failure();
    SmallVector<Value> zeros;
    for (Type type : op->getResultTypes())
      zeros.push_back(splatConstant(rewriter, op->getLoc(),
                                    cast<RankedTensorType>(type), 0.0));
    rewriter.replaceOp(op, zeros);
    return success();
  }
};

/// The mean of no entries is NaN.
struct EmptyMean : OpRewritePattern<MeanOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MeanOp op,
                                PatternRewriter &rewriter) const override {
    if (!hasEmptyOperand(op))
      return rewriter.notifyMatchFailure(op, "has entries");
    rewriter.replaceOp(op,
                       splatConstant(rewriter, op.getLoc(),
                                     cast<RankedTensorType>(op.getType()),
                                     std::numeric_limits<double>::quiet_NaN()));
    return success();
  }
};

/// Attention to no key gives zeros, like a fully masked row.
struct EmptyAttention : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (shapeOf(op.getKey())[op.getKey().getType().getRank() - 2] != 0)
      return rewriter.notifyMatchFailure(op, "has keys");
    auto constant = [&](Value like, double value) {
      return splatConstant(rewriter, op.getLoc(),
                           cast<RankedTensorType>(like.getType()), value);
    };
    rewriter.replaceOp(
        op, {constant(op.getOutput(), 0.0),
             constant(op.getLse(), -std::numeric_limits<double>::infinity())});
    return success();
  }
};

/// Drops operands without entries from a concatenation.
struct EmptyConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> inputs;
    for (Value input : op.getInputs())
      if (!isEmpty(input.getType()))
        inputs.push_back(input);
    if (inputs.empty() || inputs.size() == op.getInputs().size())
      return rewriter.notifyMatchFailure(op, "joins nothing empty");
    rewriter.replaceOpWithNewOp<ConcatOp>(op, inputs, op.getDim());
    return success();
  }
};

/// Padding of a tensor without entries is a constant.
struct EmptyPad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PadOp op,
                                PatternRewriter &rewriter) const override {
    if (!hasEmptyOperand(op))
      return rewriter.notifyMatchFailure(op, "has entries");
    rewriter.replaceOp(op, splatConstant(rewriter, op.getLoc(),
                                         cast<RankedTensorType>(op.getType()),
                                         op.getValue().convertToDouble()));
    return success();
  }
};

/// Inserting or adding a tensor without entries changes nothing.
struct EmptyInsert : OpRewritePattern<InsertSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(InsertSliceOp op,
                                PatternRewriter &rewriter) const override {
    if (!isEmpty(op.getSource().getType()))
      return rewriter.notifyMatchFailure(op, "has entries");
    rewriter.replaceOp(op, op.getDest());
    return success();
  }
};
struct EmptyScatter : OpRewritePattern<ScatterAddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScatterAddOp op,
                                PatternRewriter &rewriter) const override {
    if (!isEmpty(op.getUpdates().getType()))
      return rewriter.notifyMatchFailure(op, "has entries");
    rewriter.replaceOp(op, op.getDest());
    return success();
  }
};
struct EmptyStore : OpRewritePattern<StoreParamOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(StoreParamOp op,
                                PatternRewriter &rewriter) const override {
    if (!isEmpty(op.getValue().getType()))
      return rewriter.notifyMatchFailure(op, "has entries");
    rewriter.eraseOp(op);
    return success();
  }
};
struct EmptyUpdate : OpRewritePattern<SparseUpdateOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SparseUpdateOp op,
                                PatternRewriter &rewriter) const override {
    if (!isEmpty(op.getGradient().getType()))
      return rewriter.notifyMatchFailure(op, "has entries");
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void pock::populateEmptyPatterns(RewritePatternSet &patterns) {
  patterns.addWithLabel<EmptyResult, EmptySum, EmptyMean, EmptyAttention,
                        EmptyConcat, EmptyPad, EmptyInsert, EmptyScatter,
                        EmptyStore, EmptyUpdate>({emptyPatternsLabel},
                                                 patterns.getContext());
}
