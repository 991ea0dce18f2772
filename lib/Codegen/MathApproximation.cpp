//===- MathApproximation.cpp - elementary functions as formulas -----------===//
//
// The same operations on every target, hence the same results. The formulas
// have no branches and few constants, so that they vectorise.
//
//===----------------------------------------------------------------------===//

#include "MathApproximation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Arithmetic on f32 scalars or vectors of one type.
struct Float {
  OpBuilder &b;
  Location loc;
  Type type;

  Value constant(float value) const {
    TypedAttr attribute = b.getF32FloatAttr(value);
    if (auto vector = dyn_cast<VectorType>(type))
      attribute = SplatElementsAttr::get(vector, Attribute(attribute));
    return arith::ConstantOp::create(b, loc, attribute);
  }
  Value mul(Value x, Value y) const {
    return arith::MulFOp::create(b, loc, x, y);
  }
  /// `min(max(x, low), high)`; NaN stays.
  Value clamp(Value x, float low, float high) const {
    Value raised = arith::MaximumFOp::create(b, loc, x, constant(low));
    return arith::MinimumFOp::create(b, loc, raised, constant(high));
  }
  /// The polynomial with these coefficients, the constant one first.
  Value polynomial(Value x, ArrayRef<float> coefficients) const {
    Value sum = constant(coefficients.back());
    for (float coefficient : llvm::reverse(coefficients.drop_back()))
      sum = math::FmaOp::create(b, loc, sum, x, constant(coefficient));
    return sum;
  }
};

/// erf(x) = x P(x^2) / Q(x^2) up to |x| = 3.92, where it rounds to one.
/// The coefficients are a fit of least relative error (1.9e-8) on that range;
/// with the roundings of f32 the error is below 3.6e-7, relative and absolute
/// (compared with scipy.special.erf at 3.2 million points).
struct ApproximateErf : OpRewritePattern<math::ErfOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ErfOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Float f{rewriter, op.getLoc(), op.getType()};
    Value x = f.clamp(op.getOperand(), -3.92f, 3.92f);
    Value square = f.mul(x, x);
    Value numerator = f.mul(
        x, f.polynomial(square,
                        {1.1283791065216064f, 0.19040526449680328f,
                         0.05274854227900505f, 0.003765560220927f,
                         0.0002848806034307927f, 2.0500854134297697e-06f}));
    Value denominator =
        f.polynomial(square, {1.0f, 0.5020750164985657f, 0.1141085997223854f,
                              0.014969103038311005f, 0.0011625202605500817f,
                              3.809158442891203e-05f});
    Value quotient =
        arith::DivFOp::create(rewriter, op.getLoc(), numerator, denominator);
    rewriter.replaceOp(op, f.clamp(quotient, -1.0f, 1.0f));
    return success();
  }
};

/// To the nearest integer, halves to the even one: a sum with 2^23 has no bits
/// for fractions. Larger numbers are integers, NaN stays.
Value roundEven(const Float &f, Value x) {
  Value bound = f.constant(0x1p23f);
  Value magic = math::CopySignOp::create(f.b, f.loc, bound, x);
  Value sum = arith::AddFOp::create(f.b, f.loc, x, magic);
  Value rounded = arith::SubFOp::create(f.b, f.loc, sum, magic);
  rounded = math::CopySignOp::create(f.b, f.loc, rounded, x);
  Value size = math::AbsFOp::create(f.b, f.loc, x);
  Value small =
      arith::CmpFOp::create(f.b, f.loc, arith::CmpFPredicate::OLT, size, bound);
  return arith::SelectOp::create(f.b, f.loc, small, rounded, x);
}

struct ExpandRoundEven : OpRewritePattern<math::RoundEvenOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::RoundEvenOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Float f{rewriter, op.getLoc(), op.getType()};
    rewriter.replaceOp(op, roundEven(f, op.getOperand()));
    return success();
  }
};

struct ExpandFloor : OpRewritePattern<math::FloorOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FloorOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Location loc = op.getLoc();
    Float f{rewriter, loc, op.getType()};
    Value rounded = roundEven(f, op.getOperand());
    Value above = arith::CmpFOp::create(
        rewriter, loc, arith::CmpFPredicate::OGT, rounded, op.getOperand());
    Value below =
        arith::SubFOp::create(rewriter, loc, rounded, f.constant(1.0f));
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, above, below, rounded);
    return success();
  }
};

/// A scalar or vector type like `type`, of other elements.
Type withElements(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

/// An unsigned 64-bit `x` as f32: as many of its upper bits as 32-bit integers
/// hold, times a power of two. Bits that are cut off survive as the lowest one
/// (at least two are below the 24 of the result), so that the one rounding, of
/// the 32-bit conversion, knows which side of a half it is on.
Value convertWide(PatternRewriter &rewriter, Location loc, Value x,
                  Type floatType) {
  Type wide = x.getType();
  Type narrow = withElements(wide, rewriter.getI32Type());
  auto integer = [&](uint64_t value) -> Value {
    TypedAttr attribute = rewriter.getI64IntegerAttr(value);
    if (auto vector = dyn_cast<VectorType>(wide))
      attribute = SplatElementsAttr::get(vector, Attribute(attribute));
    return arith::ConstantOp::create(rewriter, loc, attribute);
  };
  Float f{rewriter, loc, floatType};
  Value bits = arith::TruncIOp::create(rewriter, loc, narrow, x);
  Value scale = f.constant(1.0f);
  // Pairs: from which power of two on to cut off how many bits.
  constexpr std::pair<unsigned, unsigned> cuts[] = {
      {32, 6}, {38, 12}, {44, 18}, {50, 24}, {56, 30}, {62, 32}};
  for (auto [from, count] : cuts) {
    Value large = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::uge, x, integer(1ull << from));
    Value lost =
        arith::AndIOp::create(rewriter, loc, x, integer((1ull << count) - 1));
    Value inexact = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::ne, lost, integer(0));
    Value sticky = arith::ExtUIOp::create(rewriter, loc, narrow, inexact);
    Value upper = arith::TruncIOp::create(
        rewriter, loc, narrow,
        arith::ShRUIOp::create(rewriter, loc, x, integer(count)));
    upper = arith::OrIOp::create(rewriter, loc, upper, sticky);
    bits = arith::SelectOp::create(rewriter, loc, large, upper, bits);
    scale = arith::SelectOp::create(
        rewriter, loc, large, f.constant(static_cast<float>(1ull << count)),
        scale);
  }
  Value rounded = arith::UIToFPOp::create(rewriter, loc, floatType, bits);
  return f.mul(rounded, scale);
}

template <typename Op>
struct NarrowConversion : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    Value x = op.getIn();
    if (!getElementTypeOrSelf(x.getType()).isInteger(64) ||
        !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not from i64 to f32");
    Location loc = op.getLoc();
    if constexpr (std::is_same_v<Op, arith::UIToFPOp>) {
      rewriter.replaceOp(op, convertWide(rewriter, loc, x, op.getType()));
    } else {
      TypedAttr attribute = rewriter.getZeroAttr(x.getType());
      Value zero = arith::ConstantOp::create(rewriter, loc, attribute);
      Value negative = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::slt, x, zero);
      // Unsigned, that of the least integer is right, too.
      Value opposite = arith::SubIOp::create(rewriter, loc, zero, x);
      Value size =
          arith::SelectOp::create(rewriter, loc, negative, opposite, x);
      Value result = convertWide(rewriter, loc, size, op.getType());
      Value minus = arith::NegFOp::create(rewriter, loc, result);
      rewriter.replaceOpWithNewOp<arith::SelectOp>(op, negative, minus, result);
    }
    return success();
  }
};

} // namespace

void populateWideConversionPatterns(RewritePatternSet &patterns) {
  patterns.add<NarrowConversion<arith::SIToFPOp>,
               NarrowConversion<arith::UIToFPOp>>(patterns.getContext());
}

void populateRoundingPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandRoundEven, ExpandFloor>(patterns.getContext());
}

void populateMathApproximationPatterns(RewritePatternSet &patterns) {
  // Before upstream's.
  patterns.add<ApproximateErf>(patterns.getContext(), /*benefit=*/2);
}

} // namespace mlir::pock
