//===- Pooling.cpp - lowering of pooling and its gradients ----------------===//
//
// A window slides over the padded input. The loops over its taps take their
// bounds from an operand that is never read, as in linalg's own pooling ops.
// Gradients are gathered by residue class (Window.h).
//
//===----------------------------------------------------------------------===//

#include "Window.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::pock;

namespace {
/// Loops `[batch, outputs..., channels | taps...]` in the order of the layout,
/// with the maps of input and result.
struct PoolingLoops {
  Loops loops;
  SmallVector<int64_t> spatialDims, tapDims;
  AffineMap input, taps, output;

  PoolingLoops(MLIRContext *context, const Window &window) : loops(context) {
    int64_t rank = window.kernel.size();
    bool first = window.layout == Layout::ChannelsFirst;
    AffineExpr n = loops.parallel(), c;
    if (first)
      c = loops.parallel();
    SmallVector<AffineExpr> o = loops.parallel(rank);
    if (!first)
      c = loops.parallel();
    SmallVector<AffineExpr> k = loops.reduction(rank);
    input = loops.map(orderActivation<AffineExpr>(
        window.layout, n, window.getInputCoordinates(o, k), c));
    taps = loops.map(k);
    output = loops.map(orderActivation<AffineExpr>(window.layout, n, o, c));
    for (int64_t i = 0; i < rank; ++i) {
      spatialDims.push_back(cast<AffineDimExpr>(o[i]).getPosition());
      tapDims.push_back(cast<AffineDimExpr>(k[i]).getPosition());
    }
  }
};
} // namespace

/// The operand that bounds the loops over the taps.
static Value buildTapsOperand(OpBuilder &b, Location loc,
                              ArrayRef<int64_t> taps) {
  return buildEmpty(b, loc, taps, b.getI8Type());
}

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// A value that is not above any other of `element`.
static double lowestOf(Type element) {
  return isa<IntegerType>(element)
             ? -std::ldexp(1.0, element.getIntOrFloatBitWidth() - 1)
             : -infinity;
}

/// `window` over `padded`, starting from `identity`; `body` gets an element of
/// the input and the result so far.
static Value buildPooling(OpBuilder &b, Location loc, const Window &window,
                          Value padded, ArrayRef<int64_t> shape,
                          double identity,
                          function_ref<Value(Value, Value)> body) {
  PoolingLoops pooling(b.getContext(), window);
  Value taps = buildTapsOperand(b, loc, window.kernel);
  Value init = buildFilled(b, loc, shape, getElement(padded), identity);
  return buildGeneric(b, loc, pooling.loops, {padded, taps}, init,
                      {pooling.input, pooling.taps, pooling.output},
                      [&](OpBuilder &, Location, ValueRange args) {
                        return body(args[0], args[2]);
                      });
}

static Value buildMaxPool(OpBuilder &b, Location loc, const Window &window,
                          Value padded, ArrayRef<int64_t> shape) {
  bool integers = isa<IntegerType>(getElement(padded));
  return buildPooling(b, loc, window, padded, shape,
                      lowestOf(getElement(padded)),
                      [&](Value x, Value init) -> Value {
                        if (integers)
                          return arith::MaxSIOp::create(b, loc, init, x);
                        return arith::MaximumFOp::create(b, loc, init, x);
                      });
}

/// `constant` plus the loop indices `dims` times `factors`.
static Value buildLinear(OpBuilder &b, Location loc, int64_t constant,
                         ArrayRef<int64_t> dims, ArrayRef<int64_t> factors) {
  Value sum = arith::ConstantIndexOp::create(b, loc, constant);
  for (auto [dim, factor] : llvm::zip_equal(dims, factors)) {
    Value index = linalg::IndexOp::create(b, loc, dim);
    Value scaled = arith::MulIOp::create(
        b, loc, index, arith::ConstantIndexOp::create(b, loc, factor));
    sum = arith::AddIOp::create(b, loc, sum, scaled);
  }
  return sum;
}

/// The row-major position in a window of `kernel` of tap `first + i * step` in
/// each dimension, `i` being the loop index `dims`.
static Value buildPosition(OpBuilder &b, Location loc, Type type,
                           ArrayRef<int64_t> kernel, ArrayRef<int64_t> first,
                           ArrayRef<int64_t> step, ArrayRef<int64_t> dims) {
  int64_t constant = 0, weight = 1;
  SmallVector<int64_t> factors(kernel.size());
  for (int64_t i = kernel.size() - 1; i >= 0; --i) {
    constant += first[i] * weight;
    factors[i] = step[i] * weight;
    weight *= kernel[i];
  }
  return arith::IndexCastOp::create(
      b, loc, type, buildLinear(b, loc, constant, dims, factors));
}

/// Whether the current tap of the current window reads the input of spatial
/// sizes `sizes`, not padding; null if that is always true.
static Value buildIsInside(OpBuilder &b, Location loc, const Window &window,
                           const PoolingLoops &pooling, ArrayRef<int64_t> sizes,
                           ArrayRef<int64_t> padded) {
  Value inside;
  for (size_t i = 0; i < sizes.size(); ++i) {
    int64_t low = window.low[i], end = low + sizes[i];
    Value at =
        buildLinear(b, loc, 0, {pooling.spatialDims[i], pooling.tapDims[i]},
                    {window.strides[i], window.dilations[i]});
    auto require = [&](arith::CmpIPredicate predicate, int64_t bound) {
      Value holds = arith::CmpIOp::create(
          b, loc, predicate, at, arith::ConstantIndexOp::create(b, loc, bound));
      inside = inside ? arith::AndIOp::create(b, loc, inside, holds) : holds;
    };
    if (low > 0)
      require(arith::CmpIPredicate::sge, low);
    if (padded[i] > end)
      require(arith::CmpIPredicate::slt, end);
  }
  return inside;
}

/// The same for windows that tile the input: each entry copies from its window.
static Value buildTiledPoolGradient(OpBuilder &b, Location loc,
                                    const Window &window, RankedTensorType type,
                                    Value gradient, Value index) {
  TileLoops tile(b.getContext(), window);
  SmallVector<int64_t> tapDims;
  for (AffineExpr tap : tile.k)
    tapDims.push_back(cast<AffineDimExpr>(tap).getPosition());
  AffineMap read = tile.loops.map(tile.perWindow(tile.c));
  Value init = buildEmpty(b, loc, tile.getShape(type), type.getElementType());
  SmallVector<Value> ins{gradient};
  SmallVector<AffineMap> maps{read};
  if (index) {
    ins.push_back(index);
    maps.push_back(read);
  }
  maps.push_back(tile.loops.map(tile.perEntry()));
  SmallVector<int64_t> zeros(tile.k.size(), 0), ones(tile.k.size(), 1);
  Value result = buildGeneric(
      b, loc, tile.loops, ins, init, maps,
      [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
        if (!index)
          return args[0];
        Value position = buildPosition(b, loc, args[1].getType(), window.kernel,
                                       zeros, ones, tapDims);
        Value named = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                            args[1], position);
        Value zero = buildScalarConstant(b, loc, args[0].getType(), 0.0);
        return arith::SelectOp::create(b, loc, named, args[0], zero);
      });
  return buildReshape(b, loc, result, type.getShape());
}

/// The gradient of the input of the windows: for each entry, the sum of
/// `gradient` over the outputs that read it. With `index`, only over outputs
/// whose index is the position of the tap that reads the entry.
static Value buildPoolGradient(OpBuilder &b, Location loc, const Window &window,
                               RankedTensorType type, Value gradient,
                               Value index) {
  Layout layout = window.layout;
  if (window.tiles(getSpatialSizes(layout, type.getShape()),
                   getSpatialSizes(layout, getShape(gradient))))
    return buildTiledPoolGradient(b, loc, window, type, gradient, index);
  auto build = [&](ArrayRef<ResidueClass> classes, ValueRange padded) -> Value {
    Window gather{layout, {}, {}, {}, {}, {}};
    SmallVector<int64_t> counts, lastTaps, tapSteps;
    for (const ResidueClass &c : classes) {
      gather.kernel.push_back(c.taps);
      gather.strides.push_back(1);
      gather.dilations.push_back(c.step);
      counts.push_back(c.count);
      lastTaps.push_back(c.lastTap);
      tapSteps.push_back(-c.tapStep);
    }
    int64_t channels = type.getDimSize(channelDim(layout, type.getRank()));
    SmallVector<int64_t> shape =
        orderActivation<int64_t>(layout, type.getDimSize(0), counts, channels);
    if (!index)
      return buildPooling(b, loc, gather, padded[0], shape, 0.0,
                          [&](Value x, Value init) -> Value {
                            return arith::AddFOp::create(b, loc, init, x);
                          });

    PoolingLoops pooling(b.getContext(), gather);
    Value taps = buildTapsOperand(b, loc, gather.kernel);
    Value init = buildFilled(b, loc, shape, type.getElementType(), 0.0);
    return buildGeneric(
        b, loc, pooling.loops, {padded[0], padded[1], taps}, init,
        {pooling.input, pooling.input, pooling.taps, pooling.output},
        [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
          Value position =
              buildPosition(b, loc, args[1].getType(), window.kernel, lastTaps,
                            tapSteps, pooling.tapDims);
          Value named = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                              args[1], position);
          Value zero = buildScalarConstant(b, loc, args[0].getType(), 0.0);
          Value part = arith::SelectOp::create(b, loc, named, args[0], zero);
          return arith::AddFOp::create(b, loc, args[3], part);
        });
  };
  if (!index)
    return buildByResidueClass(b, loc, type, window, gradient, 0.0, build);
  // No position is -1: padding receives nothing.
  return buildByResidueClass(b, loc, type, window, {gradient, index},
                             {0.0, -1.0}, build);
}

namespace {

struct LowerMaxPool : OpRewritePattern<MaxPoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MaxPoolOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Window window = Window::get(op, op.getKernel());
    ArrayRef<int64_t> shape = op.getType().getShape();
    Value padded = window.buildPaddedInput(
        rewriter, loc, op.getInput(), getSpatialSizes(window.layout, shape),
        -infinity);
    assert(padded && "every window contains an entry of the input");
    rewriter.replaceOp(op, buildMaxPool(rewriter, loc, window, padded, shape));
    return success();
  }
};

/// Computes the maximum of each window, then the smallest position of an entry
/// that is the maximum or NaN.
struct LowerMaxPoolIndex : OpRewritePattern<MaxPoolIndexOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MaxPoolIndexOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Window window = Window::get(op, op.getKernel());
    ArrayRef<int64_t> shape = op.getType().getShape();
    auto sizes = [&](Value value) {
      return getSpatialSizes(window.layout, getShape(value));
    };
    Value padded = window.buildPaddedInput(rewriter, loc, op.getInput(),
                                           sizes(op.getResult()), -infinity);
    assert(padded && "every window contains an entry of the input");
    Value max = buildMaxPool(rewriter, loc, window, padded, shape);

    PoolingLoops pooling(getContext(), window);
    Type type = op.getType().getElementType();
    int64_t none = llvm::product_of(window.kernel);
    Value taps = buildTapsOperand(rewriter, loc, window.kernel);
    Value init = buildFilled(rewriter, loc, shape, type, none);
    SmallVector<int64_t> zeros(window.kernel.size(), 0);
    SmallVector<int64_t> ones(window.kernel.size(), 1);
    auto body = [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
      Value found = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                                          args[0], args[1]);
      // Padding is never the maximum, not even if the maximum is -inf.
      if (Value inside = buildIsInside(b, loc, window, pooling,
                                       sizes(op.getInput()), sizes(padded)))
        found = arith::AndIOp::create(b, loc, found, inside);
      Value nan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO,
                                        args[0], args[0]);
      found = arith::OrIOp::create(b, loc, found, nan);
      Value position = buildPosition(b, loc, type, window.kernel, zeros, ones,
                                     pooling.tapDims);
      Value candidate = arith::SelectOp::create(
          b, loc, found, position, buildScalarConstant(b, loc, type, none));
      return arith::MinSIOp::create(b, loc, args[3], candidate);
    };
    rewriter.replaceOp(op, buildGeneric(rewriter, loc, pooling.loops,
                                        {padded, max, taps}, init,
                                        {pooling.input, pooling.output,
                                         pooling.taps, pooling.output},
                                        body));
    return success();
  }
};

struct LowerSumPool : OpRewritePattern<SumPoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SumPoolOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Window window = Window::get(op, op.getKernel());
    ArrayRef<int64_t> shape = op.getType().getShape();
    Value padded =
        window.buildPaddedInput(rewriter, loc, op.getInput(),
                                getSpatialSizes(window.layout, shape), 0.0);
    if (!padded) { // windows that read nothing but padding
      rewriter.replaceOp(op, buildFilled(rewriter, loc, shape,
                                         getElement(op.getInput()), 0.0));
      return success();
    }
    rewriter.replaceOp(
        op, buildPooling(rewriter, loc, window, padded, shape, 0.0,
                         [&](Value x, Value init) -> Value {
                           if (isa<IntegerType>(x.getType()))
                             return arith::AddIOp::create(rewriter, loc, init,
                                                          x);
                           return arith::AddFOp::create(rewriter, loc, init, x);
                         }));
    return success();
  }
};

struct LowerMaxPoolGrad : OpRewritePattern<MaxPoolGradOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MaxPoolGradOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, buildPoolGradient(rewriter, op.getLoc(),
                                             Window::get(op, op.getKernel()),
                                             op.getType(), op.getGradient(),
                                             op.getIndex()));
    return success();
  }
};

struct LowerSumPoolGrad : OpRewritePattern<SumPoolGradOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SumPoolGradOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, buildPoolGradient(rewriter, op.getLoc(),
                                             Window::get(op, op.getKernel()),
                                             op.getType(), op.getGradient(),
                                             /*index=*/{}));
    return success();
  }
};

} // namespace

void pock::populatePoolingPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerMaxPool, LowerMaxPoolIndex, LowerSumPool, LowerMaxPoolGrad,
               LowerSumPoolGrad>(patterns.getContext());
}
