//===- Contraction.cpp - lowering of matmul and conv ----------------------===//

#include "Contraction.h"
#include "Pock/Target/TargetBackend.h"
#include "Winograd.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::pock;

/// From this number of rows on, a transposed right operand is copied, so that
/// the innermost loop reads consecutive entries. With fewer rows, a product is
/// one pass over that operand along its rows.
static constexpr int64_t worthTransposing = 16;

Value pock::buildMatmul(OpBuilder &b, Location loc, Value lhs, Value rhs,
                        bool transposeLhs, bool transposeRhs,
                        MultiplyAdd body) {
  int64_t rank = getShape(lhs).size();
  SmallVector<int64_t> shape(getShape(lhs));
  shape[rank - 2] = getShape(lhs)[transposeLhs ? rank - 1 : rank - 2];
  shape[rank - 1] = getShape(rhs)[transposeRhs ? rank - 2 : rank - 1];
  Type element = sumElement(getElement(lhs));
  // Instructions for integers take groups of terms that are contiguous.
  if (transposeRhs && shape[rank - 2] >= worthTransposing &&
      isa<FloatType>(element)) {
    auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::swap(permutation[rank - 1], permutation[rank - 2]);
    rhs = buildTranspose(b, loc, rhs, permutation);
    transposeRhs = false;
  }

  Loops loops(b.getContext());
  SmallVector<AffineExpr> batch = loops.parallel(rank - 2);
  AffineExpr m = loops.parallel(), n = loops.parallel(), k = loops.reduction();
  auto map = [&](AffineExpr row, AffineExpr column) {
    SmallVector<AffineExpr> results(batch);
    results.append({row, column});
    return loops.map(results);
  };
  Value init = buildFilled(b, loc, shape, element, 0.0);
  return buildGeneric(b, loc, loops, {lhs, rhs}, init,
                      {transposeLhs ? map(k, m) : map(m, k),
                       transposeRhs ? map(n, k) : map(k, n), map(m, n)},
                      body);
}

Channels Channels::get(Layout layout, RankedTensorType weight, int64_t groups) {
  FilterDims dims = FilterDims::get(layout, weight.getRank());
  int64_t in = weight.getDimSize(dims.in);
  int64_t out = weight.getDimSize(dims.out) / groups;
  Kind kind = groups == 1 ? Dense : in == 1 && out == 1 ? Depthwise : Grouped;
  return {kind, groups, in, out};
}

Value Channels::split(OpBuilder &b, Location loc, Layout layout, Value value,
                      int64_t perGroup) const {
  ArrayRef<int64_t> shape = getShape(value);
  return buildReshape(
      b, loc, value,
      orderActivation<int64_t>(layout, shape[0], getSpatialSizes(layout, shape),
                               inActivation<int64_t>(groups, perGroup)));
}

SmallVector<int64_t> Channels::getFilterShape(Layout layout,
                                              ArrayRef<int64_t> kernel) const {
  return orderFilter<int64_t>(layout, kernel, inFilter<int64_t>(in),
                              inActivation<int64_t>(groups, out));
}

AffineExpr Channels::addGroupLoop(Loops &loops) const {
  return kind == Dense ? AffineExpr() : loops.parallel();
}

AffineExpr Channels::addChannelLoop(Loops &loops,
                                    utils::IteratorType iterator) const {
  if (kind == Depthwise)
    return {};
  return iterator == utils::IteratorType::parallel ? loops.parallel()
                                                   : loops.reduction();
}

bool pock::isMatmul(const Channels &channels, const Window &window,
                    ArrayRef<int64_t> inputs, ArrayRef<int64_t> outputs) {
  auto isOne = [](int64_t i) { return i == 1; };
  return channels.kind == Channels::Dense &&
         window.layout != Layout::ChannelsFirst &&
         llvm::all_of(window.kernel, isOne) &&
         llvm::all_of(window.strides, isOne) && inputs == outputs;
}

Value pock::buildConvolution(OpBuilder &b, Location loc,
                             const Channels &channels, const Window &window,
                             Value input, Value filter,
                             ArrayRef<int64_t> outputs, bool mayCollapse,
                             MultiplyAdd body) {
  Layout layout = window.layout;
  int64_t batch = getShape(input)[0];
  SmallVector<int64_t> shape = orderActivation<int64_t>(
      layout, batch, outputs,
      channels.inActivation(channels.groups, channels.out));
  if (mayCollapse &&
      isMatmul(channels, window, getSpatialSizes(layout, getShape(input)),
               outputs)) {
    int64_t rows = batch * llvm::product_of(outputs);
    Value lhs = buildReshape(b, loc, input, {rows, channels.in});
    bool transposed = layout == Layout::ChannelsLastOhwi;
    int64_t filterRows = transposed ? channels.out : channels.in;
    Value rhs = buildReshape(
        b, loc, filter, {filterRows, channels.in * channels.out / filterRows});
    Value product = buildMatmul(b, loc, lhs, rhs, /*transposeLhs=*/false,
                                /*transposeRhs=*/transposed, body);
    return buildReshape(b, loc, product, shape);
  }

  bool first = layout == Layout::ChannelsFirst;
  int64_t rank = outputs.size();
  Loops loops(b.getContext());
  AffineExpr n = loops.parallel(), group, out, in;
  SmallVector<AffineExpr> o, k;
  auto addOutputChannels = [&] {
    group = channels.addGroupLoop(loops);
    out = channels.addChannelLoop(loops, utils::IteratorType::parallel);
  };
  if (first)
    addOutputChannels();
  o = loops.parallel(rank);
  if (!first)
    addOutputChannels();
  if (first)
    in = channels.addChannelLoop(loops, utils::IteratorType::reduction);
  k = loops.reduction(rank);
  if (!first)
    in = channels.addChannelLoop(loops, utils::IteratorType::reduction);

  AffineMap inputMap = loops.map(
      orderActivation<AffineExpr>(layout, n, window.getInputCoordinates(o, k),
                                  channels.inActivation(group, in)));
  AffineMap filterMap = loops.map(orderFilter<AffineExpr>(
      layout, k, channels.inFilter(in), channels.inActivation(group, out)));
  AffineMap outputMap = loops.map(orderActivation<AffineExpr>(
      layout, n, o, channels.inActivation(group, out)));

  Value split = channels.split(b, loc, layout, input, channels.in);
  Value init = buildFilled(b, loc, shape, sumElement(getElement(input)), 0.0);
  Value result = buildGeneric(b, loc, loops, {split, filter}, init,
                              {inputMap, filterMap, outputMap}, body);
  SmallVector<int64_t> channel{channels.groups * channels.out};
  return buildReshape(
      b, loc, result,
      orderActivation<int64_t>(layout, batch, outputs, channel));
}

namespace {

struct LowerMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, buildMatmul(rewriter, op.getLoc(), op.getLhs(), op.getRhs(),
                        op.getTransposeLhs(), op.getTransposeRhs(),
                        {static_cast<int64_t>(op.getLhsZero()),
                         static_cast<int64_t>(op.getRhsZero())}));
    return success();
  }
};

struct LowerConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RankedTensorType weight = op.getWeight().getType();
    ArrayRef<int64_t> shape = weight.getShape();
    Window window = Window::get(op, kernelOf(op.getLayout(), shape));
    Channels channels = Channels::get(op.getLayout(), weight, op.getGroups());
    ArrayRef<int64_t> outputs =
        getSpatialSizes(op.getLayout(), op.getType().getShape());

    if (op.getAlgorithm() == Algorithm::Winograd &&
        allowsWinograd(op.getLayout(), shape, window.strides, window.dilations,
                       op.getGroups()))
      if (Value result = buildWinograd(
              rewriter, loc, limitsAt(op).workingBytes, window, op.getInput(),
              [&](OpBuilder &b, OpFoldResult firstIn, int64_t in,
                  OpFoldResult firstOut, int64_t out) {
                return buildFilterPart(b, loc, op.getWeight(), firstIn, in,
                                       firstOut, out);
              },
              channels.out, outputs, isReadInKernel(op))) {
        rewriter.replaceOp(op, result);
        return success();
      }

    int64_t zero = op.getInputZero();
    int64_t padding = zero + static_cast<int64_t>(op.getPadValue());
    Value input = window.buildPaddedInput(rewriter, loc, op.getInput(), outputs,
                                          static_cast<double>(padding));
    Value filter =
        buildReshape(rewriter, loc, op.getWeight(),
                     channels.getFilterShape(op.getLayout(), window.kernel));
    // Windows may read nothing but padding.
    if (!input && padding == 0) {
      rewriter.replaceOp(op, buildFilled(rewriter, loc, op.getType().getShape(),
                                         op.getType().getElementType(), 0.0));
      return success();
    }
    if (!input)
      input =
          buildFilled(rewriter, loc,
                      window.getPaddedShape(getShape(op.getInput()), outputs),
                      getElement(op.getInput()), static_cast<double>(padding));
    rewriter.replaceOp(op, buildConvolution(rewriter, loc, channels, window,
                                            input, filter, outputs,
                                            /*mayCollapse=*/true, {zero, 0}));
    return success();
  }
};

} // namespace

void pock::populateContractionPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerMatmul, LowerConv>(patterns.getContext());
}
