//===- QuantizedMoves.cpp - integers that move ----------------------------===//
//
// pock.dequantize moves behind ops that move entries or compare them, and takes
// a positive factor into its scale: then the integers move.
//
//===----------------------------------------------------------------------===//

#include "QuantizedPatterns.h"

#include "Views.h"

#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

Value pock::dequantizeLike(OpBuilder &b, Location loc, Value integers,
                           const QuantizedValue &like, int64_t axis) {
  auto type = cast<RankedTensorType>(integers.getType());
  Value scales;
  if (like.scales)
    scales = alongAxis(b, loc, like.scales, axis, type.getRank());
  DequantizeOp old = like.op;
  return DequantizeOp::create(
      b, loc, type.clone(old.getType().getElementType()), integers, scales,
      old.getScaleAttr(), old.getZeroPointAttr());
}

namespace {
/// op(dequantize(x)) -> dequantize(op(x)) of an op that moves entries, or
/// compares them.
template <typename Op>
struct MoveIntegers : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    SmallVector<QuantizedValue> inputs;
    for (Value operand : op->getOperands()) {
      auto input = QuantizedValue::match(operand);
      if (!input || !input->isPerTensor() ||
          (!inputs.empty() && (!input->hasSameScale(inputs.front()) ||
                               input->isWide() != inputs.front().isWide())))
        return rewriter.notifyMatchFailure(op,
                                           "expected integers of one scale");
      inputs.push_back(*input);
    }
    if (inputs.empty() || (inputs.front().isWide() && !isa<ReshapeOp>(op)))
      return rewriter.notifyMatchFailure(op, "expected bytes");
    Operation *fresh = op->cloneWithoutRegions();
    for (auto [operand, input] : llvm::zip(fresh->getOpOperands(), inputs))
      operand.set(input.integers);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    fresh->getResult(0).setType(
        type.clone(cast<RankedTensorType>(inputs.front().integers.getType())
                       .getElementType()));
    if (auto pad = dyn_cast<PadOp>(fresh)) {
      if (!pad.getValue().isZero()) {
        fresh->destroy();
        return rewriter.notifyMatchFailure(op, "expected padding with zero");
      }
      pad.setValueAttr(rewriter.getF64FloatAttr(
          static_cast<double>(inputs.front().zeroPoint)));
    }
    rewriter.insert(fresh);
    rewriter.replaceOp(op,
                       dequantizeLike(rewriter, op.getLoc(),
                                      fresh->getResult(0), inputs.front(), -1));
    return success();
  }
};

/// The same for a weight that is transposed.
struct MoveTransposedWeight : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto input = QuantizedValue::match(op.getInput());
    if (!input || input->isPerTensor())
      return rewriter.notifyMatchFailure(op, "expected scales per channel");
    ArrayRef<int64_t> permutation = op.getPermutation();
    Value moved = TransposeOp::create(rewriter, op.getLoc(), input->integers,
                                      permutation);
    rewriter.replaceOp(
        op,
        dequantizeLike(rewriter, op.getLoc(), moved, *input,
                       std::distance(permutation.begin(),
                                     llvm::find(permutation, input->axis))));
    return success();
  }
};

/// The same for a vector that becomes `[C, 1, …]`: a bias.
struct MoveReshapedVector : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto input = QuantizedValue::match(op.getInput());
    ArrayRef<int64_t> shape = op.getType().getShape();
    if (!input || input->isPerTensor() || shapeOf(input->integers).size() != 1)
      return rewriter.notifyMatchFailure(op, "expected a vector with scales");
    const auto *dim = llvm::find(shape, shapeOf(input->integers).front());
    if (dim == shape.end() || llvm::product_of(shape) != *dim)
      return rewriter.notifyMatchFailure(op, "expected other sizes of one");
    Value moved = reshapeTo(rewriter, op.getLoc(), input->integers, shape);
    rewriter.replaceOp(op, dequantizeLike(rewriter, op.getLoc(), moved, *input,
                                          std::distance(shape.begin(), dim)));
    return success();
  }
};

/// take(dequantize(x), i) -> dequantize(take(x, i)).
struct MoveTaken : OpRewritePattern<TakeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TakeOp op,
                                PatternRewriter &rewriter) const override {
    auto input = QuantizedValue::matchBytes(op.getInput());
    if (!input)
      return rewriter.notifyMatchFailure(op, "expected bytes of one scale");
    Value taken = TakeOp::create(rewriter, op.getLoc(), input->integers,
                                 op.getIndices(), op.getDim());
    rewriter.replaceOp(
        op, dequantizeLike(rewriter, op.getLoc(), taken, *input, -1));
    return success();
  }
};

/// dequantize(x) * c and dequantize(x) / c -> dequantize(x) with another scale,
/// for a positive number c.
template <typename Op>
struct ScaleIntegers : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    constexpr bool divides = std::is_same_v<Op, DivOp>;
    Value real = op.getLhs(), number = op.getRhs();
    std::optional<double> factor = numberOf(number);
    if (!divides && !factor) {
      std::swap(real, number);
      factor = numberOf(number);
    }
    auto input = QuantizedValue::match(real);
    if (!factor || !(*factor > 0.0) || !input || op.getType() != real.getType())
      return rewriter.notifyMatchFailure(op, "expected integers and a factor");
    DequantizeOp old = input->op;
    double scale = divides ? input->scale / *factor : input->scale * *factor;
    // Far from the ends of f32, where both products round alike.
    if (!(scale >= std::ldexp(1.0, -100)) || !(scale <= std::ldexp(1.0, 100)))
      return rewriter.notifyMatchFailure(op, "expected a usual scale");
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op.getType(), input->integers, old.getScales(),
        rewriter.getF64FloatAttr(scale), old.getZeroPointAttr());
    return success();
  }

private:
  /// The only entry of a constant.
  static std::optional<double> numberOf(Value value) {
    DenseElementsAttr known;
    if (!matchPattern(value, m_Constant(&known)) || !known.isSplat() ||
        !known.getElementType().isF32())
      return std::nullopt;
    return known.getSplatValue<APFloat>().convertToDouble();
  }
};
} // namespace

void pock::populateQuantizedMoves(RewritePatternSet &patterns) {
  patterns
      .add<MoveIntegers<ReshapeOp>, MoveIntegers<TransposeOp>,
           MoveIntegers<SliceOp>, MoveIntegers<ExpandOp>,
           MoveIntegers<ConcatOp>, MoveIntegers<PadOp>, MoveIntegers<MaxPoolOp>,
           MoveTransposedWeight, MoveReshapedVector, MoveTaken,
           ScaleIntegers<MulOp>, ScaleIntegers<DivOp>>(patterns.getContext());
}
