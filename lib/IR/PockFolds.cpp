//===- PockFolds.cpp - folders and canonicalisation -----------------------===//

#include "Pock/IR/PockUtils.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::pock;

/// Whether `attr` is a constant with all entries equal to `value`.
static bool isSplat(Attribute attr, double value) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(attr);
  if (!dense || !dense.isSplat())
    return false;
  if (isa<FloatType>(dense.getElementType()))
    return dense.getSplatValue<APFloat>().convertToDouble() == value;
  return dense.getElementType().isIntOrIndex() &&
         dense.getSplatValue<APInt>().getSExtValue() ==
             static_cast<int64_t>(value);
}

/// Applies `f` to the splat values of `operands`; null if an operand is no
/// floating-point splat. The result must be that of the target, so only f32 and
/// f64 and correctly rounded operations are folded.
template <typename Function>
static Attribute foldSplats(ArrayRef<Attribute> operands, Type result,
                            Function f) {
  auto type = cast<RankedTensorType>(result);
  SmallVector<double> values;
  for (Attribute operand : operands) {
    auto dense = dyn_cast_or_null<DenseElementsAttr>(operand);
    if (!dense || !dense.isSplat() || !isa<FloatType>(dense.getElementType()))
      return {};
    values.push_back(dense.getSplatValue<APFloat>().convertToDouble());
  }
  // Rounding a double operation on two floats to float equals the float
  // operation for +, -, *, / (double has more than twice the digits).
  if (type.getElementType().isF32())
    return DenseElementsAttr::get(type, APFloat(static_cast<float>(f(values))));
  if (type.getElementType().isF64())
    return DenseElementsAttr::get(type, APFloat(f(values)));
  return {};
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

OpFoldResult NegOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getInput().getDefiningOp<NegOp>())
    return inner.getInput();
  return foldSplats(adaptor.getOperands(), getType(),
                    [](ArrayRef<double> v) { return -v[0]; });
}

/// Whether `x + attr` is `x` for every x. Of floating-point numbers, only -0 is
/// neutral, since -0 + 0 = 0.
static bool isNeutralToSums(Attribute attr) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(attr);
  return isSplat(attr, 0) && (!isa<FloatType>(dense.getElementType()) ||
                              dense.getSplatValue<APFloat>().isNegative());
}

/// Whether `x - attr` is `x` for every x.
static bool isNeutralToDifferences(Attribute attr) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(attr);
  return isSplat(attr, 0) && (!isa<FloatType>(dense.getElementType()) ||
                              !dense.getSplatValue<APFloat>().isNegative());
}

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  if (getLhs().getType() == getType() && isNeutralToSums(adaptor.getRhs()))
    return getLhs();
  if (getRhs().getType() == getType() && isNeutralToSums(adaptor.getLhs()))
    return getRhs();
  return foldSplats(adaptor.getOperands(), getType(),
                    [](ArrayRef<double> v) { return v[0] + v[1]; });
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  if (getLhs().getType() == getType() &&
      isNeutralToDifferences(adaptor.getRhs()))
    return getLhs();
  return foldSplats(adaptor.getOperands(), getType(),
                    [](ArrayRef<double> v) { return v[0] - v[1]; });
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (getLhs().getType() == getType() && isSplat(adaptor.getRhs(), 1))
    return getLhs();
  if (getRhs().getType() == getType() && isSplat(adaptor.getLhs(), 1))
    return getRhs();
  return foldSplats(adaptor.getOperands(), getType(),
                    [](ArrayRef<double> v) { return v[0] * v[1]; });
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (getLhs().getType() == getType() && isSplat(adaptor.getRhs(), 1))
    return getLhs();
  return foldSplats(adaptor.getOperands(), getType(),
                    [](ArrayRef<double> v) { return v[0] / v[1]; });
}

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  // Integers to floats: one rounding to nearest, as on every target.
  auto dense = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
  auto type = cast<RankedTensorType>(getType());
  auto element = dyn_cast<FloatType>(type.getElementType());
  if (!dense || !dense.isSplat() || !element || element.getWidth() < 32 ||
      !isa<IntegerType>(dense.getElementType()) ||
      dense.getElementType().isInteger(1))
    return {};
  APFloat value(element.getFloatSemantics());
  value.convertFromAPInt(dense.getSplatValue<APInt>(), /*IsSigned=*/true,
                         APFloat::rmNearestTiesToEven);
  return DenseElementsAttr::get(type, value);
}

OpFoldResult SumOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  // A sum starts at +0, so a sum of zeros of either sign is +0.
  auto type = cast<RankedTensorType>(getType());
  if (isSplat(adaptor.getInput(), 0))
    return DenseElementsAttr::get(
        type, Builder(getContext()).getZeroAttr(type.getElementType()));
  return {};
}
OpFoldResult MeanOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput())
                                           : OpFoldResult();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    setOperand(inner.getInput());
    return getResult();
  }
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput()))
    return dense.reshape(getType());
  return {};
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(permutation.size())))
    return getInput();
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput()))
    if (dense.isSplat())
      return dense.resizeSplat(getType());
  return {};
}

namespace {
/// transpose(transpose(x)) is one transpose.
struct MergeTransposes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<TransposeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "expected an inner transpose");
    SmallVector<int64_t> permutation;
    for (int64_t dim : op.getPermutation())
      permutation.push_back(inner.getPermutation()[dim]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, inner.getInput(), permutation);
    return success();
  }
};

/// A transpose that only moves dimensions of size one is a reshape.
struct TransposeToReshape : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    int64_t previous = -1;
    for (int64_t dim : op.getPermutation()) {
      if (op.getInput().getType().getDimSize(dim) == 1)
        continue;
      if (dim < previous)
        return rewriter.notifyMatchFailure(op, "moves a dimension");
      previous = dim;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput());
    return success();
  }
};
} // namespace

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<MergeTransposes, TransposeToReshape>(context);
}

OpFoldResult ExpandOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput()))
    if (dense.isSplat())
      return dense.resizeSplat(getType());
  return {};
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs()[0])
                                 : OpFoldResult();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput())
                                           : OpFoldResult();
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput())
                                           : OpFoldResult();
}

namespace {
/// Replaces powers that PyTorch computes as products and roots.
struct ExpandPow : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PowOp op,
                                PatternRewriter &rewriter) const override {
    Attribute exponent;
    if (!matchPattern(op.getRhs(), m_Constant(&exponent)) ||
        op.getLhs().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "expected a constant exponent");
    Value x = op.getLhs();
    Location loc = op.getLoc();
    if (isSplat(exponent, 1)) {
      rewriter.replaceOp(op, x);
    } else if (isSplat(exponent, 2)) {
      rewriter.replaceOpWithNewOp<MulOp>(op, x, x);
    } else if (isSplat(exponent, 3)) {
      Value square = MulOp::create(rewriter, loc, x, x);
      rewriter.replaceOpWithNewOp<MulOp>(op, square, x);
    } else if (isSplat(exponent, 0.5)) {
      rewriter.replaceOpWithNewOp<SqrtOp>(op, x);
    } else if (isSplat(exponent, -0.5)) {
      rewriter.replaceOpWithNewOp<RsqrtOp>(op, x);
    } else if (isSplat(exponent, -1)) {
      Value one = scalarConstant(rewriter, loc, x.getType(), 1.0);
      rewriter.replaceOpWithNewOp<DivOp>(op, one, x);
    } else {
      return rewriter.notifyMatchFailure(op, "no cheaper form");
    }
    return success();
  }
};
} // namespace

void PowOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {
  patterns.add<ExpandPow>(context);
}
