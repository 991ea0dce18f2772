//===- ConvGradient.cpp - lowering of the gradients of conv ---------------===//
//
// conv_transpose, the gradient with respect to the input, is a convolution of
// stride 1 per residue class (Window.h). Its filter is packed so that its
// output channels, which are the input channels of `conv`, are as contiguous as
// a forward filter's. conv_weight_grad is a contraction over all windows.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Pock/Target/TargetBackend.h"
#include "Winograd.h"

using namespace mlir;
using namespace mlir::pock;

/// The layout of a filter that `buildPackedFilter` makes.
static Layout packedLayout(Layout layout) {
  return layout == Layout::ChannelsFirst ? layout : Layout::ChannelsLast;
}

/// The part of `filter` that `classes` use, with reversed taps, and with input
/// and output channels exchanged. Its layout is `packedLayout(layout)`.
static Value buildPackedFilter(OpBuilder &b, Location loc, Layout layout,
                               const Channels &forward, Value filter,
                               ArrayRef<ResidueClass> classes) {
  Channels channels = forward.transposed();
  SmallVector<int64_t> kernel;
  for (const ResidueClass &c : classes)
    kernel.push_back(c.taps);
  SmallVector<int64_t> shape =
      channels.getFilterShape(packedLayout(layout), kernel);
  if (layout == Layout::ChannelsLastOhwi &&
      channels.kind != Channels::Grouped &&
      llvm::product_of(getShape(filter)) == llvm::product_of(shape) &&
      llvm::product_of(kernel) == 1)
    return buildReshape(b, loc, filter, shape);

  // The loops are those of the packed filter.
  Loops loops(b.getContext());
  SmallVector<AffineExpr> dims = loops.parallel(shape.size());
  ArrayRef<AffineExpr> rest = dims, taps, in, out;
  auto take = [&](size_t count) {
    ArrayRef<AffineExpr> head = rest.take_front(count);
    rest = rest.drop_front(count);
    return head;
  };
  size_t inCount = channels.inFilter(0).size();
  size_t outCount = channels.inActivation(0, 0).size();
  if (layout == Layout::ChannelsFirst) {
    out = take(outCount);
    in = take(inCount);
    taps = take(kernel.size());
  } else {
    taps = take(kernel.size());
    in = take(inCount);
    out = take(outCount);
  }
  SmallVector<AffineExpr> reversed;
  for (auto [tap, c] : llvm::zip_equal(taps, classes))
    reversed.push_back(c.taps == 1
                           ? getAffineConstantExpr(c.lastTap, b.getContext())
                           : c.lastTap - tap * c.tapStep);
  // Groups belong to the output channels in both directions.
  AffineExpr group = forward.kind == Channels::Dense ? AffineExpr() : out[0];
  AffineExpr forwardIn = out.back();
  AffineExpr forwardOut = in.empty() ? AffineExpr() : in[0];
  AffineMap source = loops.map(
      orderFilter<AffineExpr>(layout, reversed, forward.inFilter(forwardIn),
                              forward.inActivation(group, forwardOut)));
  if (source.isIdentity())
    return filter;

  Value init = buildEmpty(b, loc, shape, getElement(filter));
  return buildGeneric(
      b, loc, loops, filter, init, {source, loops.map(dims)},
      [](OpBuilder &, Location, ValueRange args) { return args[0]; });
}

namespace {

struct LowerConvTranspose : OpRewritePattern<ConvTransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvTransposeOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Layout layout = op.getLayout();
    RankedTensorType weight = op.getWeight().getType();
    Window window = Window::get(op, kernelOf(layout, weight.getShape()));
    Channels channels = Channels::get(layout, weight, op.getGroups());
    // Windows of one entry are a product of matrices, below.
    if (channels.kind == Channels::Dense &&
        llvm::product_of(window.kernel) != 1 &&
        window.tiles(getSpatialSizes(layout, op.getType().getShape()),
                     getSpatialSizes(layout, getShape(op.getInput())))) {
      rewriter.replaceOp(op, buildTiled(rewriter, loc, window, op));
      return success();
    }
    if (op.getAlgorithm() == Algorithm::Winograd &&
        allowsWinograd(layout, weight.getShape(), window.strides,
                       window.dilations, op.getGroups()))
      if (Value result = buildByTiles(rewriter, loc, window, channels, op)) {
        rewriter.replaceOp(op, result);
        return success();
      }
    auto isOne = [](int64_t i) { return i == 1; };
    MultiplyAdd body{static_cast<int64_t>(op.getInputZero()), 0};
    auto padding = static_cast<double>(body.lhsZero);
    Value filter = buildReshape(rewriter, loc, op.getWeight(),
                                channels.getFilterShape(layout, window.kernel));

    auto build = [&](ArrayRef<ResidueClass> classes,
                     ValueRange padded) -> Value {
      Value packed =
          buildPackedFilter(rewriter, loc, layout, channels, filter, classes);
      Window gather{packedLayout(layout), {}, {}, {}, {}, {}};
      SmallVector<int64_t> counts;
      for (const ResidueClass &c : classes) {
        gather.kernel.push_back(c.taps);
        gather.strides.push_back(1);
        gather.dilations.push_back(c.step);
        counts.push_back(c.count);
      }
      return buildConvolution(rewriter, loc, channels.transposed(), gather,
                              padded[0], packed, counts,
                              llvm::all_of(window.strides, isOne), body);
    };
    Value input = op.getInput();
    if (llvm::product_of(window.strides) > mostClasses)
      input = spread(rewriter, loc, input, window, padding);
    rewriter.replaceOp(op, buildByResidueClass(rewriter, loc, op.getType(),
                                               window, input, padding, build));
    return success();
  }

private:
  /// Limit of the number of residue classes: each has code of its own, and
  /// compile time grows with it.
  static constexpr int64_t mostClasses = 36;

  /// Inserts `padding` between the entries of `input`, so that the strides of
  /// `window` become one: more work, less code.
  static Value spread(OpBuilder &b, Location loc, Value input, Window &window,
                      double padding) {
    SmallVector<int64_t> none(window.strides.size(), 0), between;
    for (int64_t stride : window.strides)
      between.push_back(stride - 1);
    auto around = [&](ArrayRef<int64_t> spatial) {
      return orderActivation<int64_t>(window.layout, 0, spatial, 0);
    };
    input = buildPadded(b, loc, input, around(none), around(none),
                        around(between), padding);
    window.strides.assign(window.strides.size(), 1);
    return input;
  }

  /// By Winograd's algorithm: a convolution with the reversed filter.
  static Value buildByTiles(OpBuilder &b, Location loc, const Window &window,
                            const Channels &channels, ConvTransposeOp op) {
    Layout layout = window.layout;
    Window reversed = window;
    SmallVector<ResidueClass> classes;
    for (auto [i, taps] : llvm::enumerate(window.kernel)) {
      reversed.low[i] = taps - 1 - window.low[i];
      ResidueClass all{};
      all.taps = taps;
      all.lastTap = taps - 1;
      all.tapStep = 1;
      classes.push_back(all);
    }
    return buildWinograd(
        b, loc, limitsAt(op).workingBytes, reversed, op.getInput(),
        [&](OpBuilder &b, OpFoldResult firstIn, int64_t in,
            OpFoldResult firstOut, int64_t out) {
          Value part = buildFilterPart(b, loc, op.getWeight(), firstOut, out,
                                       firstIn, in);
          return buildPackedFilter(b, loc, layout, {channels.kind, 1, out, in},
                                   part, classes);
        },
        channels.in, getSpatialSizes(layout, op.getType().getShape()),
        isReadInKernel(op));
  }

  /// For windows that tile the result: an entry is the product of one window's
  /// input with the filter's tap.
  static Value buildTiled(OpBuilder &b, Location loc, const Window &window,
                          ConvTransposeOp op) {
    Layout layout = window.layout;
    bool first = layout == Layout::ChannelsFirst;
    int64_t rank = window.kernel.size();
    Value input = op.getInput(), filter = op.getWeight();
    if (!first) { // consecutive entries of the result from consecutive weights
      FilterDims dims = FilterDims::get(layout, rank + 2);
      auto order = llvm::to_vector(
          llvm::seq<int64_t>(dims.firstSpatial, dims.firstSpatial + rank));
      order.append({dims.out, dims.in});
      filter = buildTranspose(b, loc, filter, order);
    }
    TileLoops tile(b.getContext(), window);
    AffineExpr f = tile.loops.reduction();
    AffineMap inputMap = tile.loops.map(tile.perWindow(f));
    AffineMap filterMap = tile.loops.map(
        first
            ? orderFilter<AffineExpr>(layout, tile.k, tile.c, f)
            : orderFilter<AffineExpr>(Layout::ChannelsLast, tile.k, f, tile.c));
    AffineMap resultMap = tile.loops.map(tile.perEntry());
    RankedTensorType type = op.getType();
    Value init =
        buildFilled(b, loc, tile.getShape(type), type.getElementType(), 0.0);
    Value result =
        buildGeneric(b, loc, tile.loops, {input, filter}, init,
                     {inputMap, filterMap, resultMap},
                     MultiplyAdd{static_cast<int64_t>(op.getInputZero()), 0});
    return buildReshape(b, loc, result, type.getShape());
  }
};

struct LowerConvWeightGrad : OpRewritePattern<ConvWeightGradOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvWeightGradOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Layout layout = op.getLayout();
    RankedTensorType weight = op.getType();
    Window window = Window::get(op, kernelOf(layout, weight.getShape()));
    Channels channels = Channels::get(layout, weight, op.getGroups());
    Value gradient = op.getGradient();
    ArrayRef<int64_t> outputs = getSpatialSizes(layout, getShape(gradient));
    if (op.getAlgorithm() == Algorithm::Winograd &&
        allowsWinograd(layout, weight.getShape(), window.strides,
                       window.dilations, op.getGroups()))
      if (Value result = buildWinogradWeightGradient(
              rewriter, loc, limitsAt(op).workingBytes, window, op.getInput(),
              gradient, isReadInKernel(op))) {
        rewriter.replaceOp(op, result);
        return success();
      }
    MultiplyAdd body{static_cast<int64_t>(op.getInputZero().value_or(0)),
                     static_cast<int64_t>(op.getGradientZero().value_or(0))};
    Value input = window.buildPaddedInput(rewriter, loc, op.getInput(), outputs,
                                          static_cast<double>(body.lhsZero));
    if (!input) { // windows that read nothing but padding
      rewriter.replaceOp(op, buildFilled(rewriter, loc, weight.getShape(),
                                         weight.getElementType(), 0.0));
      return success();
    }
    Value result;
    if (isMatmul(channels, window, getSpatialSizes(layout, getShape(input)),
                 outputs)) {
      int64_t rows = llvm::product_of(getShape(gradient).drop_back());
      Value lhs = buildReshape(rewriter, loc, input, {rows, channels.in});
      Value rhs = buildReshape(rewriter, loc, gradient, {rows, channels.out});
      if (layout == Layout::ChannelsLastOhwi) {
        std::swap(lhs, rhs);
        std::swap(body.lhsZero, body.rhsZero);
      }
      result = buildMatmul(rewriter, loc, lhs, rhs, /*transposeLhs=*/true,
                           /*transposeRhs=*/false, body);
    } else {
      result = buildContraction(rewriter, loc, window, channels, input,
                                gradient, body);
    }
    rewriter.replaceOp(op,
                       buildReshape(rewriter, loc, result, weight.getShape()));
    return success();
  }

private:
  /// The loops of the filter are outside, those of all windows inside.
  static Value buildContraction(OpBuilder &b, Location loc,
                                const Window &window, const Channels &channels,
                                Value input, Value gradient,
                                const MultiplyAdd &body) {
    Layout layout = window.layout;
    int64_t rank = window.kernel.size();
    Loops loops(b.getContext());
    SmallVector<AffineExpr> k, o;
    AffineExpr n, group, in, out;
    constexpr auto parallel = utils::IteratorType::parallel;
    auto addOutputChannels = [&] {
      group = channels.addGroupLoop(loops);
      out = channels.addChannelLoop(loops, parallel);
    };
    bool outFirst = layout != Layout::ChannelsLast;
    if (outFirst)
      addOutputChannels();
    if (layout == Layout::ChannelsFirst)
      in = channels.addChannelLoop(loops, parallel);
    k = loops.parallel(rank);
    if (layout != Layout::ChannelsFirst)
      in = channels.addChannelLoop(loops, parallel);
    if (!outFirst)
      addOutputChannels();
    n = loops.reduction();
    o = loops.reduction(rank);
    AffineMap inputMap = loops.map(
        orderActivation<AffineExpr>(layout, n, window.getInputCoordinates(o, k),
                                    channels.inActivation(group, in)));
    AffineMap gradientMap = loops.map(orderActivation<AffineExpr>(
        layout, n, o, channels.inActivation(group, out)));
    AffineMap filterMap = loops.map(orderFilter<AffineExpr>(
        layout, k, channels.inFilter(in), channels.inActivation(group, out)));

    Value init =
        buildFilled(b, loc, channels.getFilterShape(layout, window.kernel),
                    sumElement(getElement(input)), 0.0);
    return buildGeneric(
        b, loc, loops,
        {channels.split(b, loc, layout, input, channels.in),
         channels.split(b, loc, layout, gradient, channels.out)},
        init, {inputMap, gradientMap, filterMap}, body);
  }
};

} // namespace

void pock::populateConvGradientPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerConvTranspose, LowerConvWeightGrad>(patterns.getContext());
}
