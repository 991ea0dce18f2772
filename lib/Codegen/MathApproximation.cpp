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
#include <limits>

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

/// Negative numbers have powers for integer exponents only, negative ones for
/// odd exponents. (Halves are exact, so an odd number's is no integer.)
struct ExpandPower : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::PowFOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Location loc = op.getLoc();
    Float f{rewriter, loc, op.getType()};
    Value base = op.getLhs(), exponent = op.getRhs();
    Value zero = f.constant(0.0f), one = f.constant(1.0f);
    auto compare = [&](arith::CmpFPredicate predicate, Value x,
                       Value y) -> Value {
      return arith::CmpFOp::create(rewriter, loc, predicate, x, y);
    };
    auto select = [&](Value condition, Value x, Value y) -> Value {
      return arith::SelectOp::create(rewriter, loc, condition, x, y);
    };
    auto isInteger = [&](Value x) -> Value {
      return compare(arith::CmpFPredicate::OEQ,
                     math::RoundEvenOp::create(rewriter, loc, x), x);
    };
    Value size = math::AbsFOp::create(rewriter, loc, base);
    Value logarithm = math::LogOp::create(rewriter, loc, size);
    Value power =
        math::ExpOp::create(rewriter, loc, f.mul(exponent, logarithm));
    Value half = f.mul(exponent, f.constant(0.5f));
    Value negated = arith::NegFOp::create(rewriter, loc, power);
    Value nan = f.constant(std::numeric_limits<float>::quiet_NaN());
    Value ofNegative = select(isInteger(exponent),
                              select(isInteger(half), power, negated), nan);
    Value isNegative = compare(arith::CmpFPredicate::OLT, base, zero);
    Value result = select(isNegative, ofNegative, power);
    // Where the logarithm times zero is no number.
    result =
        select(compare(arith::CmpFPredicate::OEQ, exponent, zero), one, result);
    rewriter.replaceOp(
        op, select(compare(arith::CmpFPredicate::OEQ, base, one), one, result));
    return success();
  }
};

} // namespace

void populatePowerPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandPower>(patterns.getContext());
}

void populateRoundingPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandRoundEven, ExpandFloor>(patterns.getContext());
}

void populateMathApproximationPatterns(RewritePatternSet &patterns) {
  // Before upstream's.
  patterns.add<ApproximateErf>(patterns.getContext(), /*benefit=*/2);
}

} // namespace mlir::pock
