//===- Trigonometry.cpp - sine and cosine as formulas ---------------------===//
//
// |x| = q pi/2 + r with |r| <= pi/4. The polynomials of Cephes' sinf and cosf
// give the sine and cosine of r; q selects one of them and its sign. Up to
// 2^16, r is computed with pi/2 in three parts (Cody and Waite), of which the
// first gives an exact difference. For larger numbers, it is computed with the
// relevant bits of 2/pi (Payne and Hanek, 1983). Both results are computed and
// one is selected, so that the code vectorises. The error is below 1.5 units in
// the last place plus 4e-17.
//
//===----------------------------------------------------------------------===//

#include "Formula.h"
#include "MathApproximation.h"

#include <limits>

using namespace mlir;
using namespace mlir::pock;

namespace {

/// An angle as a number of quarter turns, of which only the last two bits
/// matter, and a remainder between -pi/4 and pi/4.
struct Angle {
  Value turns, rest;
};

/// Reduces an angle `x` that is not negative and is below 2^16.
Angle reduceSmall(const Formula &f, Value x) {
  Value turns =
      math::RoundEvenOp::create(f.b, f.loc, f.mul(x, f.constant(0.636619772f)));
  Value rest = f.fma(turns, f.constant(-0x1.921fb6p+0f), x);
  rest = f.fma(turns, f.constant(0x1.777a5cp-25f), rest);
  rest = f.fma(turns, f.constant(0x1.ee59dap-50f), rest);
  Value integer =
      arith::FPToSIOp::create(f.b, f.loc, f.typeOf(f.b.getI32Type()), turns);
  return {integer, rest};
}

/// Reduces the angle with these bits, at least 2^16: m 2^(e - 150). Bits of
/// 2/pi that only contribute multiples of four quarter turns are ignored, and
/// so are those 96 places below.
Angle reduceLarge(const Formula &f, Value bits) {
  // A word of zeros, then the fractional bits of 2/pi.
  constexpr uint32_t words[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
  Value first =
      arith::SubIOp::create(f.b, f.loc, f.shiftRight(bits, 23), f.integer(120));
  Value word = f.shiftRight(first, 5);
  Value shift = f.bitAnd(first, f.integer(31));
  Value rest = arith::SubIOp::create(f.b, f.loc, f.integer(31), shift);
  SmallVector<Value, 4> isWord;
  for (uint32_t i = 1; i < 5; ++i)
    isWord.push_back(f.isEqual(word, f.integer(i)));
  auto wordAt = [&](uint32_t offset) {
    Value value = f.integer(words[offset]);
    for (auto [i, condition] : llvm::enumerate(isWord))
      value = f.select(condition, f.integer(words[offset + i + 1]), value);
    return value;
  };
  Value mantissa = f.widen(
      f.bitOr(f.bitAnd(bits, f.integer(0x007fffff)), f.integer(0x00800000)));
  SmallVector<Value, 4> chosen;
  for (uint32_t i = 0; i < 4; ++i)
    chosen.push_back(wordAt(i));
  SmallVector<Value, 3> products;
  for (uint32_t i = 0; i < 3; ++i) {
    Value high = arith::ShLIOp::create(f.b, f.loc, chosen[i], shift);
    // Shift in two steps, because a shift by 32 is undefined.
    Value low = arith::ShRUIOp::create(f.b, f.loc,
                                       f.shiftRight(chosen[i + 1], 1), rest);
    products.push_back(arith::MulIOp::create(f.b, f.loc, mantissa,
                                             f.widen(f.bitOr(high, low))));
  }
  // Bits 62 and 63 are the quarter turns, modulo four; the rest is a fraction.
  Value turns = f.addInteger(f.shiftLeftWide(products[0], 32), products[1]);
  turns = f.addInteger(turns, f.shiftRightWide(products[2], 32));
  Value nearest = f.shiftRightWide(
      f.addInteger(turns, f.wideInteger(uint64_t(1) << 61)), 62);
  Value fraction = f.shiftLeftWide(turns, 2);
  Value high = f.toFloat(f.narrow(f.shiftRightWide(fraction, 32)));
  Value low = f.toFloat(
      f.bitAnd(f.narrow(f.shiftRightWide(fraction, 8)), f.integer(0x00ffffff)));
  constexpr float unit = 0x1.921fb6p-32f;
  return {f.narrow(nearest), f.fma(low, f.constant(unit * 0x1p-24f),
                                   f.mul(high, f.constant(unit)))};
}

/// Emits sin(x), or cos(x) = sin(|x| + a quarter turn).
Value buildSine(const Formula &f, Value x, bool isCosine) {
  Value bits = f.toBits(x);
  Value size = f.bitAnd(bits, f.integer(0x7fffffff));
  Value isLarge = f.isAtLeast(size, f.integer(0x47800000));
  Angle small =
      reduceSmall(f, f.fromBits(f.select(isLarge, f.integer(0), size)));
  Angle large = reduceLarge(f, size);
  Value rest = f.select(isLarge, large.rest, small.rest);
  Value turns = f.select(isLarge, large.turns, small.turns);
  if (isCosine)
    turns = f.addInteger(turns, f.integer(1));

  Value square = f.mul(rest, rest);
  Value sine = f.fma(f.mul(rest, square),
                     f.polynomial(square, {-1.6666654611e-1f, 8.3321608736e-3f,
                                           -1.9515295891e-4f}),
                     rest);
  Value cosine =
      f.fma(f.mul(square, square),
            f.polynomial(square, {4.166664568298827e-2f, -1.388731625493765e-3f,
                                  2.443315711809948e-5f}),
            f.fma(square, f.constant(-0.5f), f.constant(1.0f)));
  Value isEven = f.isEqual(f.bitAnd(turns, f.integer(1)), f.integer(0));
  Value sign = f.shiftLeft(f.shiftRight(turns, 1), 31);
  if (!isCosine)
    sign = f.bitXor(sign, f.bitAnd(bits, f.integer(0x80000000)));
  Value result =
      f.fromBits(f.bitXor(f.toBits(f.select(isEven, sine, cosine)), sign));
  Value isNumber = arith::CmpIOp::create(f.b, f.loc, arith::CmpIPredicate::ult,
                                         size, f.integer(0x7f800000));
  return f.select(isNumber, result,
                  f.constant(std::numeric_limits<float>::quiet_NaN()));
}

template <typename Op, bool isCosine>
struct ApproximateSine : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not on f32");
    Formula f{rewriter, op.getLoc(), op.getType()};
    rewriter.replaceOp(op, buildSine(f, op.getOperand(), isCosine));
    return success();
  }
};

} // namespace

void pock::populateTrigonometryPatterns(RewritePatternSet &patterns,
                                        PatternBenefit benefit) {
  patterns.add<ApproximateSine<math::SinOp, false>,
               ApproximateSine<math::CosOp, true>>(patterns.getContext(),
                                                   benefit);
}
