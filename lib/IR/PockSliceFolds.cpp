//===- PockSliceFolds.cpp - slices move towards their sources -------------===//
//
// A parameter that trains in part needs only a slice of its gradient, and of
// the activations that the gradient reads. Differentiation writes
// `slice(gradient)`; these patterns turn it into the gradient of slices:
//
//   slice(matmul(x^T, g))             -> matmul(slice(x)^T, g)
//   slice(conv_weight_grad(x, g))     -> conv_weight_grad(slice(x), slice(g))
//   slice(transpose | elementwise(…)) -> transpose | elementwise(slice(…))
//   slice(reshape(…))                 -> reshape(slice(…)), if the reshape only
//                                        moves dimensions of size one
//
//===----------------------------------------------------------------------===//

#include "PockPadFolds.h"

#include "Pock/IR/EmptyPatterns.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
/// The part of a tensor that a slice along one dimension reads.
struct DimRange {
  int64_t dim, start, limit;
};
} // namespace

/// The only dimension in which `op` is not the whole input, if its stride is
/// one.
static std::optional<DimRange> singleDim(SliceOp op) {
  std::optional<DimRange> range;
  for (int64_t i = 0; i < op.getType().getRank(); ++i) {
    if (op.getType().getDimSize(i) == op.getInput().getType().getDimSize(i))
      continue;
    if (range || op.getStrides()[i] != 1)
      return {};
    range = DimRange{i, op.getStarts()[i], op.getLimits()[i]};
  }
  return range;
}

/// `value[…, start:limit, …]` along `dim`.
static Value sliceDim(OpBuilder &b, Location loc, Value value, int64_t dim,
                      int64_t start, int64_t limit) {
  ArrayRef<int64_t> shape = shapeOf(value);
  SmallVector<int64_t> starts(shape.size(), 0), limits(shape),
      strides(shape.size(), 1);
  starts[dim] = start;
  limits[dim] = limit;
  return SliceOp::create(b, loc, value, starts, limits, strides);
}

namespace {
struct SliceOfMatmul : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto matmul = op.getInput().getDefiningOp<MatmulOp>();
    std::optional<DimRange> range = singleDim(op);
    int64_t rank = op.getType().getRank();
    if (!matmul || !matmul->hasOneUse() || !range || range->dim < rank - 2)
      return rewriter.notifyMatchFailure(
          op, "expected rows or columns of a product");
    bool rows = range->dim == rank - 2;
    Value lhs = matmul.getLhs(), rhs = matmul.getRhs();
    Value &operand = rows ? lhs : rhs;
    bool transposed =
        rows ? matmul.getTransposeLhs() : matmul.getTransposeRhs();
    operand = sliceDim(rewriter, op.getLoc(), operand,
                       rows == transposed ? rank - 1 : rank - 2, range->start,
                       range->limit);
    rewriter.replaceOpWithNewOp<MatmulOp>(
        op, lhs, rhs, matmul.getTransposeLhs(), matmul.getTransposeRhs(),
        matmul.getLhsZero(), matmul.getRhsZero());
    return success();
  }
};

struct SliceOfConvWeightGrad : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto grad = op.getInput().getDefiningOp<ConvWeightGradOp>();
    std::optional<DimRange> range = singleDim(op);
    if (!grad || !grad->hasOneUse() || !range || range->start == range->limit)
      return rewriter.notifyMatchFailure(
          op, "expected a slice of a weight gradient");
    int64_t rank = op.getType().getRank();
    auto [filterDim, inputDim, spatial] =
        FilterDims::get(grad.getLayout(), rank);
    int64_t channels = channelDim(grad.getLayout(), rank);
    int64_t groups = grad.getGroups();
    Value x = grad.getInput(), g = grad.getGradient();
    Location loc = op.getLoc();
    if (range->dim == inputDim && groups == 1) {
      x = sliceDim(rewriter, loc, x, channels, range->start, range->limit);
    } else if (range->dim == filterDim) {
      // Only whole groups: their inputs shrink with them.
      int64_t perGroup = shapeOf(op.getInput())[filterDim] / groups;
      int64_t inputs = shapeOf(op.getInput())[inputDim];
      if (groups > 1 && (range->start % perGroup || range->limit % perGroup))
        return rewriter.notifyMatchFailure(op, "splits a group");
      if (groups > 1) {
        int64_t from = range->start / perGroup, to = range->limit / perGroup;
        x = sliceDim(rewriter, loc, x, channels, from * inputs, to * inputs);
        groups = to - from;
      }
      g = sliceDim(rewriter, loc, g, channels, range->start, range->limit);
    } else {
      return rewriter.notifyMatchFailure(op, "expected a slice of channels");
    }
    rewriter.replaceOpWithNewOp<ConvWeightGradOp>(
        op, op.getType(), x, g, grad.getStrides(), grad.getPadLow(),
        grad.getPadHigh(), grad.getDilations(), groups, grad.getLayout(),
        grad.getAlgorithm(), grad.getInputZeroAttr(),
        grad.getGradientZeroAttr());
    return success();
  }
};

struct SliceOfTranspose : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose || !transpose->hasOneUse())
      return rewriter.notifyMatchFailure(op, "expected a slice of a transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    size_t rank = permutation.size();
    SmallVector<int64_t> starts(rank), limits(rank), strides(rank);
    for (size_t i = 0; i < rank; ++i) {
      starts[permutation[i]] = op.getStarts()[i];
      limits[permutation[i]] = op.getLimits()[i];
      strides[permutation[i]] = op.getStrides()[i];
    }
    Value slice = SliceOp::create(rewriter, op.getLoc(), transpose.getInput(),
                                  starts, limits, strides);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, slice, permutation);
    return success();
  }
};

/// A reshape that keeps the order of all dimensions that are not one (the
/// layout of the weight of a 1x1 convolution).
struct SliceOfUnitReshape : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    std::optional<DimRange> range = singleDim(op);
    if (!reshape || !reshape->hasOneUse() || !range)
      return rewriter.notifyMatchFailure(op, "expected a slice of a reshape");
    Value input = reshape.getInput();
    ArrayRef<int64_t> from = shapeOf(input), to = shapeOf(op.getInput());
    auto isLong = [](int64_t size) { return size != 1; };
    if (!isLong(to[range->dim]) ||
        !llvm::equal(llvm::make_filter_range(from, isLong),
                     llvm::make_filter_range(to, isLong)))
      return rewriter.notifyMatchFailure(op, "the reshape regroups entries");
    int64_t before = llvm::count_if(to.take_front(range->dim), isLong);
    int64_t dim = 0;
    while (from[dim] == 1 || before-- > 0)
      ++dim;
    Value slice =
        sliceDim(rewriter, op.getLoc(), input, dim, range->start, range->limit);
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), slice);
    return success();
  }
};

/// Only where no operand is broadcast along the sliced dimension.
struct SliceOfElementwise : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    Operation *source = op.getInput().getDefiningOp();
    std::optional<DimRange> range = singleDim(op);
    // The counters of dropout would have to change, too.
    if (!source || !isa<ElementwiseOpInterface>(source) ||
        isa<DropoutOp>(source) || !range || source->getNumResults() != 1 ||
        !source->hasOneUse())
      return rewriter.notifyMatchFailure(
          op, "expected a slice of an elementwise op");
    int64_t rank = op.getType().getRank();
    IRMapping mapping;
    for (Value operand : source->getOperands()) {
      ArrayRef<int64_t> shape = shapeOf(operand);
      int64_t dim = range->dim - (rank - static_cast<int64_t>(shape.size()));
      // Otherwise it is broadcast along the dimension.
      if (dim < 0 || shape[dim] != shapeOf(op.getInput())[range->dim])
        continue;
      mapping.map(operand, sliceDim(rewriter, op.getLoc(), operand, dim,
                                    range->start, range->limit));
    }
    Operation *sliced = rewriter.clone(*source, mapping);
    sliced->getResult(0).setType(op.getType());
    rewriter.replaceOp(op, sliced->getResults());
    return success();
  }
};
} // namespace

void SliceOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {
  patterns.add<SliceOfMatmul, SliceOfConvWeightGrad, SliceOfTranspose,
               SliceOfUnitReshape, SliceOfElementwise>(context);
  populatePadPatterns(patterns);
  populateEmptyPatterns(patterns);
}
