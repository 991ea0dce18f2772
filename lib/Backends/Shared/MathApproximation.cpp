//===- MathApproximation.cpp - elementary functions as formulas -----------===//
//
// All targets use the same operations, so the results are the same. The
// formulas have no branches and few constants, so that they vectorise.
//
//===----------------------------------------------------------------------===//

#include "MathApproximation.h"
#include "Formula.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Approximation.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/TypeUtilities.h"
#include <limits>

using namespace mlir;

namespace mlir::pock {
namespace {

/// erf(x) = x P(x^2) / Q(x^2) up to |x| = 3.92, where it rounds to one.
/// The coefficients are a fit of least relative error (1.9e-8) on that range;
/// with the roundings of f32 the error is below 3.6e-7, relative and absolute
/// (compared with scipy.special.erf at 3.2 million points). At 4 the quotient
/// is greater than one, so larger x give exactly one: 1 - erf(x) must be zero
/// where it is multiplied by large numbers, as in gelu.
struct ApproximateErf : OpRewritePattern<math::ErfOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ErfOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Formula f{rewriter, op.getLoc(), op.getType()};
    Value x = f.clamp(op.getOperand(), -4.0f, 4.0f);
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

/// log(m 2^e) = e log 2 + log(m), m in [sqrt(1/2), sqrt(2)), with the
/// polynomial of Cephes' logf in three interleaved parts, as in upstream.
/// Unlike upstream, it is correct for numbers below 2^-126.
struct ApproximateLog : OpRewritePattern<math::LogOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::LogOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Formula f{rewriter, op.getLoc(), op.getType()};
    Value x = op.getOperand();
    Value isDenormal =
        f.compare(arith::CmpFPredicate::OLT, x, f.constant(0x1p-126f));
    Value bits =
        f.toBits(f.select(isDenormal, f.mul(x, f.constant(0x1p23f)), x));
    Value bias =
        f.select(isDenormal, f.constant(126.0f + 23.0f), f.constant(126.0f));
    Value fraction = f.fromBits(
        f.bitOr(f.bitAnd(bits, f.integer(0x007fffff)), f.integer(0x3f000000)));
    Value exponent = f.sub(f.toFloat(f.shiftRight(bits, 23)), bias);

    Value one = f.constant(1.0f), zero = f.constant(0.0f);
    Value isLow = f.compare(arith::CmpFPredicate::OLT, fraction,
                            f.constant(0.707106781186547524f));
    Value m = f.add(f.sub(fraction, one), f.select(isLow, fraction, zero));
    exponent = f.sub(exponent, f.select(isLow, one, zero));

    Value square = f.mul(m, m), cube = f.mul(square, m);
    Value high = f.polynomial(
        m, {1.1676998740E-1f, -1.1514610310E-1f, 7.0376836292E-2f});
    Value middle = f.polynomial(
        m, {-1.6668057665E-1f, 1.4249322787E-1f, -1.2420140846E-1f});
    Value low = f.polynomial(
        m, {3.3333331174E-1f, -2.4999993993E-1f, 2.0000714765E-1f});
    Value tail = f.mul(f.fma(f.fma(high, cube, middle), cube, low), cube);
    Value ofFraction = f.add(m, f.fma(f.constant(-0.5f), square, tail));
    Value result =
        f.fma(exponent, f.constant(0.693147180559945309f), ofFraction);

    Value infinity = f.constant(std::numeric_limits<float>::infinity());
    Value nan = f.constant(std::numeric_limits<float>::quiet_NaN());
    result = f.select(f.compare(arith::CmpFPredicate::OEQ, x, infinity),
                      infinity, result);
    result =
        f.select(f.compare(arith::CmpFPredicate::ULT, x, zero), nan, result);
    Value minusInfinity = f.constant(-std::numeric_limits<float>::infinity());
    rewriter.replaceOp(op,
                       f.select(f.compare(arith::CmpFPredicate::OEQ, x, zero),
                                minusInfinity, result));
    return success();
  }
};

/// Rounds to the nearest integer, halves to the even one, by adding 2^23: the
/// sum has no bits for fractions. Larger numbers are integers, and NaN is kept.
Value roundEven(const Formula &f, Value x) {
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
    Formula f{rewriter, op.getLoc(), op.getType()};
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
    Formula f{rewriter, loc, op.getType()};
    Value rounded = roundEven(f, op.getOperand());
    Value above = arith::CmpFOp::create(
        rewriter, loc, arith::CmpFPredicate::OGT, rounded, op.getOperand());
    Value below =
        arith::SubFOp::create(rewriter, loc, rounded, f.constant(1.0f));
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, above, below, rounded);
    return success();
  }
};

/// Powers of negative numbers are only defined for integer exponents, and are
/// negative for odd exponents. (Division by two is exact, so an exponent is odd
/// if half of it is not an integer.)
struct ExpandPower : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::PowFOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Location loc = op.getLoc();
    Formula f{rewriter, loc, op.getType()};
    Value base = op.getLhs(), exponent = op.getRhs();
    Value zero = f.constant(0.0f), one = f.constant(1.0f);
    auto isInteger = [&](Value x) -> Value {
      return f.compare(arith::CmpFPredicate::OEQ,
                       math::RoundEvenOp::create(rewriter, loc, x), x);
    };
    Value size = math::AbsFOp::create(rewriter, loc, base);
    Value logarithm = math::LogOp::create(rewriter, loc, size);
    Value power =
        math::ExpOp::create(rewriter, loc, f.mul(exponent, logarithm));
    Value half = f.mul(exponent, f.constant(0.5f));
    Value negated = arith::NegFOp::create(rewriter, loc, power);
    Value nan = f.constant(std::numeric_limits<float>::quiet_NaN());
    Value ofNegative = f.select(isInteger(exponent),
                                f.select(isInteger(half), power, negated), nan);
    Value isNegative = f.compare(arith::CmpFPredicate::OLT, base, zero);
    Value result = f.select(isNegative, ofNegative, power);
    // Here the product of the logarithm and zero may be NaN.
    result = f.select(f.compare(arith::CmpFPredicate::OEQ, exponent, zero), one,
                      result);
    rewriter.replaceOp(
        op,
        f.select(f.compare(arith::CmpFPredicate::OEQ, base, one), one, result));
    return success();
  }
};

/// The remainder of |x| / |y|, with the sign of x. The rounded quotient may be
/// off by one, which the remainder shows; it is exact below 2^24.
struct ExpandRemainder : OpRewritePattern<arith::RemFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::RemFOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Location loc = op.getLoc();
    Formula f{rewriter, loc, op.getType()};
    Value x = math::AbsFOp::create(rewriter, loc, op.getLhs());
    Value y = math::AbsFOp::create(rewriter, loc, op.getRhs());
    Value quotient = math::FloorOp::create(
        rewriter, loc, arith::DivFOp::create(rewriter, loc, x, y));
    Value rest = f.fma(arith::NegFOp::create(rewriter, loc, quotient), y, x);
    Value isAbove =
        f.compare(arith::CmpFPredicate::OLT, rest, f.constant(0.0f));
    rest = f.select(isAbove, f.add(rest, y), rest);
    Value isBelow = f.compare(arith::CmpFPredicate::OGE, rest, y);
    rest = f.select(isBelow, f.sub(rest, y), rest);
    // The product of zero and infinity is NaN.
    Value infinity = f.constant(std::numeric_limits<float>::infinity());
    Value isWhole = arith::AndIOp::create(
        rewriter, loc, f.compare(arith::CmpFPredicate::OEQ, y, infinity),
        f.compare(arith::CmpFPredicate::OLT, x, infinity));
    rewriter.replaceOpWithNewOp<math::CopySignOp>(
        op, f.select(isWhole, x, rest), op.getLhs());
    return success();
  }
};

} // namespace

void populateLibraryPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandPower, ExpandRemainder>(patterns.getContext());
}

void populateRoundingPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandRoundEven, ExpandFloor>(patterns.getContext());
}

void populateCompositionPatterns(RewritePatternSet &patterns) {
  math::populateExpansionPatterns(patterns,
                                  {"sinh", "cosh", "asinh", "acosh", "atanh",
                                   "tan", "round", "exp2f", "fpowi"});
}

void populateFormulaPatterns(RewritePatternSet &patterns) {
  // These patterns take precedence over upstream's.
  patterns.add<ApproximateErf, ApproximateLog>(patterns.getContext(),
                                               /*benefit=*/2);
  populateTrigonometryPatterns(patterns, /*benefit=*/2);
  populateMathPolynomialApproximationPatterns(
      patterns, MathPolynomialApproximationOptions());
  patterns.add<math::ErfcPolynomialApproximation>(patterns.getContext());
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
}

} // namespace mlir::pock
