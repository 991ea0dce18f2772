//===- Reduction.cpp - lowering of sum, mean, amax and argmax -------------===//

#include "LinalgBuilders.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::pock;

/// The loops of a reduction of a tensor of rank `rank` over `dims`, one per
/// dimension, with the map of the result, which lacks these dimensions.
static Loops getReductionLoops(MLIRContext *context, int64_t rank,
                               ArrayRef<int64_t> dims, AffineMap &input,
                               AffineMap &result) {
  Loops loops(context);
  SmallVector<AffineExpr> all, kept;
  for (int64_t i = 0; i < rank; ++i) {
    bool reduced = llvm::is_contained(dims, i);
    all.push_back(reduced ? loops.reduction() : loops.parallel());
    if (!reduced)
      kept.push_back(all.back());
  }
  input = loops.map(all);
  result = loops.map(kept);
  return loops;
}

/// `value` reduced over `dims`, which are dropped, starting from `identity`.
/// `body` gets an element and the result so far.
static Value buildReduction(OpBuilder &b, Location loc, Value value,
                            ArrayRef<int64_t> dims, double identity,
                            GenericBody body) {
  AffineMap input, result;
  ArrayRef<int64_t> shape = getShape(value);
  Loops loops =
      getReductionLoops(b.getContext(), shape.size(), dims, input, result);
  SmallVector<int64_t> kept;
  for (AffineExpr dim : result.getResults())
    kept.push_back(shape[cast<AffineDimExpr>(dim).getPosition()]);
  Value init = buildFilled(b, loc, kept, getElement(value), identity);
  return buildGeneric(b, loc, loops, value, init, {input, result}, body);
}

/// `init + element`; "or" on `i1`.
static Value buildAdd(OpBuilder &b, Location loc, ValueRange args) {
  Type type = args[0].getType();
  if (isa<FloatType>(type))
    return arith::AddFOp::create(b, loc, args[1], args[0]);
  if (type.isInteger(1))
    return arith::OrIOp::create(b, loc, args[1], args[0]);
  return arith::AddIOp::create(b, loc, args[1], args[0]);
}

static Value buildMax(OpBuilder &b, Location loc, ValueRange args) {
  if (isa<FloatType>(args[0].getType()))
    return arith::MaximumFOp::create(b, loc, args[1], args[0]);
  return arith::MaxSIOp::create(b, loc, args[1], args[0]);
}

/// The lowest number of `type`; a power of two, so exact as a double.
static double smallest(Type type) {
  if (isa<FloatType>(type))
    return -std::numeric_limits<double>::infinity();
  return -std::ldexp(1.0, type.getIntOrFloatBitWidth() - 1);
}

/// The maximum of `value` over `dims`.
static Value buildMaximum(OpBuilder &b, Location loc, Value value,
                          ArrayRef<int64_t> dims) {
  return buildReduction(b, loc, value, dims, smallest(getElement(value)),
                        buildMax);
}

/// Whether an element is the maximum, or NaN.
static Value buildFound(OpBuilder &b, Location loc, Value element, Value max) {
  if (!isa<FloatType>(element.getType()))
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, element,
                                 max);
  Value equal =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, element, max);
  Value nan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, element,
                                    element);
  return arith::OrIOp::create(b, loc, equal, nan);
}

/// The sum of `value` over `dims`. A long sum of numbers of one sign loses
/// accuracy with its length, so a sum over several dimensions is a sum of sums
/// over the innermost of them.
static Value buildSum(OpBuilder &b, Location loc, Value value,
                      ArrayRef<int64_t> dims) {
  constexpr int64_t longest = 1024;
  ArrayRef<int64_t> shape = getShape(value);
  SmallVector<int64_t> sorted(dims);
  llvm::sort(sorted);
  int64_t count = 1;
  for (int64_t dim : sorted)
    count *= shape[dim];
  if (count > longest && sorted.size() > 1 &&
      isa<FloatType>(getElement(value))) {
    value = buildReduction(b, loc, value, sorted.pop_back_val(), 0.0, buildAdd);
    return buildReduction(b, loc, value, sorted, 0.0, buildAdd);
  }
  return buildReduction(b, loc, value, dims, 0.0, buildAdd);
}

namespace {

struct LowerSum : OpRewritePattern<SumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SumOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value sum = buildSum(rewriter, loc, op.getInput(), op.getDims());
    rewriter.replaceOp(
        op, buildReshape(rewriter, loc, sum, op.getType().getShape()));
    return success();
  }
};

struct LowerMean : OpRewritePattern<MeanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MeanOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value sum = buildSum(rewriter, loc, op.getInput(), op.getDims());
    double count = 1.0;
    for (int64_t dim : op.getDims())
      count *= op.getInput().getType().getDimSize(dim);
    Loops loops(getContext());
    AffineMap map = loops.map(loops.parallel(getShape(sum).size()));
    Value init = buildEmpty(rewriter, loc, getShape(sum), getElement(sum));
    Value mean = buildGeneric(
        rewriter, loc, loops, sum, init, {map, map},
        [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          Value divisor = buildScalarConstant(b, loc, args[0].getType(), count);
          return arith::DivFOp::create(b, loc, args[0], divisor);
        });
    rewriter.replaceOp(
        op, buildReshape(rewriter, loc, mean, op.getType().getShape()));
    return success();
  }
};

struct LowerAmax : OpRewritePattern<AmaxOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AmaxOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value max = buildMaximum(rewriter, loc, op.getInput(), op.getDims());
    rewriter.replaceOp(
        op, buildReshape(rewriter, loc, max, op.getType().getShape()));
    return success();
  }
};

/// Computes the maximum, then the smallest index of an entry that is the
/// maximum or NaN (then the maximum is NaN, which equals nothing). Both
/// reductions vectorise.
struct LowerArgmax : OpRewritePattern<ArgmaxOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ArgmaxOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value input = op.getInput();
    int64_t dim = op.getDim(), size = op.getInput().getType().getDimSize(dim);
    Value max = buildMaximum(rewriter, loc, input, dim);

    AffineMap inputMap, resultMap;
    Loops loops = getReductionLoops(getContext(), getShape(input).size(), dim,
                                    inputMap, resultMap);
    Type type = op.getType().getElementType();
    Value init = buildFilled(rewriter, loc, getShape(max), type, size);
    Value index = buildGeneric(
        rewriter, loc, loops, {input, max}, init,
        {inputMap, resultMap, resultMap},
        [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          Value position = arith::IndexCastOp::create(
              b, loc, type, linalg::IndexOp::create(b, loc, dim));
          Value found = buildFound(b, loc, args[0], args[1]);
          Value none = buildScalarConstant(b, loc, type, size);
          Value candidate =
              arith::SelectOp::create(b, loc, found, position, none);
          return arith::MinSIOp::create(b, loc, args[2], candidate);
        });
    rewriter.replaceOp(op, index);
    return success();
  }
};

} // namespace

void pock::populateReductionPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerSum, LowerMean, LowerAmax, LowerArgmax>(
      patterns.getContext());
}
