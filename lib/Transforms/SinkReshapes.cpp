//===- SinkReshapes.cpp - move reshapes behind rowwise ops ----------------===//
//
// A linear layer of `[batch, time, features]` is a product of rows `[batch *
// time, features]` between two reshapes. Rowwise ops after it (bias,
// activation, residual, normalisation) give the same result on the rows, and
// then can be part of the product's kernel.
//
// Only reshapes that split leading dimensions move, towards the results; the
// reshapes that this adds to other operands merge leading dimensions. So the
// rewriting terminates, and reshapes that meet cancel.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SINKRESHAPES
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// The reshape `[rows, kept…] -> [leading…, kept…]` that makes `value`; null if
/// there is none.
static ReshapeOp rowSplit(Value value) {
  auto reshape = value.getDefiningOp<ReshapeOp>();
  if (!reshape)
    return {};
  ArrayRef<int64_t> from = shapeOf(reshape.getInput()), to = shapeOf(value);
  bool splits = from.size() >= 2 && to.size() > from.size() &&
                to.take_back(from.size() - 1) == from.drop_front();
  return splits ? reshape : ReshapeOp();
}

/// The shape of an operand of shape `shape` when the op's result changes from
/// `full` to `rows`; nothing if the operand is broadcast along only some
/// leading dimensions.
static std::optional<SmallVector<int64_t>> besideRows(ArrayRef<int64_t> shape,
                                                      ArrayRef<int64_t> full,
                                                      ArrayRef<int64_t> rows) {
  if (shape == full)
    return SmallVector<int64_t>(rows);
  size_t kept = rows.size() - 1;
  if (shape.size() <= kept)
    return SmallVector<int64_t>(shape);
  // All leading dimensions must be one.
  for (int64_t size : shape.drop_back(kept))
    if (size != 1)
      return {};
  SmallVector<int64_t> result(shape.take_back(kept));
  result.insert(result.begin(), 1);
  return result;
}

/// The strides of a dropout's counters when its leading dimensions are merged;
/// nothing if no single stride covers them.
static std::optional<SmallVector<int64_t>>
mergeStrides(ArrayRef<int64_t> strides, ArrayRef<int64_t> full, size_t kept) {
  // Innermost first; a dimension of size one has only index zero.
  int64_t step = 0, size = 1;
  for (size_t dim = full.size() - kept; dim-- > 0;) {
    if (full[dim] == 1)
      continue;
    if (size == 1)
      step = strides[dim];
    else if (strides[dim] != step * size)
      return {};
    size *= full[dim];
  }
  SmallVector<int64_t> result{step};
  llvm::append_range(result, strides.take_back(kept));
  return result;
}

namespace {
/// f(reshape(x), y) -> reshape(f(x, reshape(y))) for elementwise ops.
struct SinkThroughElementwise : RewritePattern {
  SinkThroughElementwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isa<ElementwiseOpInterface>(op) || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "expected an elementwise op");
    ArrayRef<int64_t> full = shapeOf(op->getResult(0));
    ReshapeOp split;
    for (Value operand : op->getOperands())
      if (!split && shapeOf(operand) == full)
        split = rowSplit(operand);
    if (!split)
      return rewriter.notifyMatchFailure(op, "expected split rows");
    ArrayRef<int64_t> rows = shapeOf(split.getInput());
    SmallVector<SmallVector<int64_t>> shapes;
    for (Value operand : op->getOperands()) {
      auto shape = besideRows(shapeOf(operand), full, rows);
      if (!shape)
        return rewriter.notifyMatchFailure(op, "an operand varies by leading "
                                               "dimension");
      shapes.push_back(std::move(*shape));
    }
    std::optional<SmallVector<int64_t>> strides;
    if (auto dropout = dyn_cast<DropoutOp>(op)) {
      strides = mergeStrides(dropout.getStrides(), full, rows.size() - 1);
      if (!strides)
        return rewriter.notifyMatchFailure(op, "its mask is no mask of rows");
    }
    SmallVector<Value> operands;
    for (auto [operand, shape] : llvm::zip(op->getOperands(), shapes))
      operands.push_back(reshapeTo(rewriter, op->getLoc(), operand, shape));
    Operation *fresh = rewriter.clone(*op);
    fresh->setOperands(operands);
    Type element = getElementTypeOrSelf(op->getResult(0));
    fresh->getResult(0).setType(RankedTensorType::get(rows, element));
    if (strides)
      cast<DropoutOp>(fresh).setStrides(*strides);
    rewriter.replaceOp(
        op, reshapeTo(rewriter, op->getLoc(), fresh->getResult(0), full));
    return success();
  }
};

/// normalize(reshape(x)) -> reshape(normalize(x)) over kept dimensions.
struct SinkThroughNormalize : OpRewritePattern<NormalizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NormalizeOp op,
                                PatternRewriter &rewriter) const override {
    ReshapeOp split = rowSplit(op.getInput());
    if (!split)
      return rewriter.notifyMatchFailure(op, "expected split rows");
    int64_t added = op.getInput().getType().getRank() -
                    split.getInput().getType().getRank();
    SmallVector<int64_t> dims;
    for (int64_t dim : op.getDims()) {
      if (dim <= added)
        return rewriter.notifyMatchFailure(op, "reduces leading dimensions");
      dims.push_back(dim - added);
    }
    auto fresh = NormalizeOp::create(rewriter, op.getLoc(), split.getInput(),
                                     rewriter.getDenseI64ArrayAttr(dims),
                                     op.getEpsAttr(), op.getCenteredAttr());
    SmallVector<Value> results;
    for (auto [old, result] : llvm::zip(op->getResults(), fresh->getResults()))
      results.push_back(reshapeTo(rewriter, op.getLoc(), result, shapeOf(old)));
    rewriter.replaceOp(op, results);
    return success();
  }
};

struct SinkReshapes
    : public ::mlir::pock::impl::SinkReshapesBase<SinkReshapes> {
  using Base::Base;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<SinkThroughElementwise, SinkThroughNormalize>(context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      getOperation()->emitError("reshapes did not settle");
      signalPassFailure();
    }
  }
};
} // namespace
