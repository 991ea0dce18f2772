//===- WideConversions.cpp - between 64-bit integers and f32 --------------===//
//
// 32-bit processors have no instructions for these conversions, and LLVM would
// call its runtime library. They become integer arithmetic with the result of
// an instruction.
//
//===----------------------------------------------------------------------===//

#include "WideArithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Builds arithmetic on scalars, or on vectors of one shape.
struct Bits {
  OpBuilder &b;
  Location loc;
  Type shape;

  Type type(Type element) const {
    if (auto vector = dyn_cast<VectorType>(shape))
      return vector.clone(element);
    return element;
  }
  Value constant(int64_t value, unsigned width = 64) const {
    TypedAttr attribute = b.getIntegerAttr(b.getIntegerType(width), value);
    if (auto vector = dyn_cast<VectorType>(shape))
      attribute = SplatElementsAttr::get(vector.clone(attribute.getType()),
                                         Attribute(attribute));
    return arith::ConstantOp::create(b, loc, attribute);
  }
  template <typename Op>
  Value make(Value x, Value y) const {
    return Op::create(b, loc, x, y);
  }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) const {
    return arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) const {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  template <typename Op>
  Value convert(Value x, Type element) const {
    return Op::create(b, loc, type(element), x);
  }
  /// `negative ? -x : x`
  Value negateIf(Value negative, Value x) const {
    return select(negative, make<arith::SubIOp>(constant(0), x), x);
  }
};

/// Shifts 64 bits down to 32, and ors the lost bits into the last one, so that
/// the conversion of 32 bits rounds like one of 64. Then multiplies by a power
/// of two.
Value toFloat(const Bits &f, Value x) {
  OpBuilder &b = f.b;
  Value zeros = math::CountLeadingZerosOp::create(b, f.loc, x);
  Value shift = f.make<arith::MaxSIOp>(
      f.make<arith::SubIOp>(f.constant(32), zeros), f.constant(0));
  Value high = f.make<arith::ShRUIOp>(x, shift);
  Value back = f.make<arith::ShLIOp>(high, shift);
  Value lost = f.compare(arith::CmpIPredicate::ne, back, x);
  high = f.make<arith::OrIOp>(high,
                              f.convert<arith::ExtUIOp>(lost, b.getI64Type()));
  Value number = f.convert<arith::UIToFPOp>(
      f.convert<arith::TruncIOp>(high, b.getI32Type()), b.getF32Type());
  Value exponent = f.make<arith::AddIOp>(
      f.convert<arith::TruncIOp>(shift, b.getI32Type()), f.constant(127, 32));
  Value scale = f.convert<arith::BitcastOp>(
      f.make<arith::ShLIOp>(exponent, f.constant(23, 32)), b.getF32Type());
  return f.make<arith::MulFOp>(number, scale);
}

struct ExpandSIToFP : OpRewritePattern<arith::SIToFPOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::SIToFPOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn().getType()).isInteger(64) ||
        !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not from i64 to f32");
    Bits f{rewriter, op.getLoc(), op.getType()};
    Value negative =
        f.compare(arith::CmpIPredicate::slt, op.getIn(), f.constant(0));
    Value size = toFloat(f, f.negateIf(negative, op.getIn()));
    Value other = arith::NegFOp::create(rewriter, op.getLoc(), size);
    rewriter.replaceOp(op, f.select(negative, other, size));
    return success();
  }
};

struct ExpandUIToFP : OpRewritePattern<arith::UIToFPOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::UIToFPOp op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn().getType()).isInteger(64) ||
        !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not from i64 to f32");
    Bits f{rewriter, op.getLoc(), op.getType()};
    rewriter.replaceOp(op, toFloat(f, op.getIn()));
    return success();
  }
};

/// Shifts the mantissa by the exponent. Results out of range are undefined.
template <typename Op>
struct ExpandToInteger : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn().getType()).isF32() ||
        !getElementTypeOrSelf(op.getType()).isInteger(64))
      return rewriter.notifyMatchFailure(op, "not from f32 to i64");
    Bits f{rewriter, op.getLoc(), op.getType()};
    Type i32 = rewriter.getI32Type(), i64 = rewriter.getI64Type();
    Value bits = f.convert<arith::BitcastOp>(op.getIn(), i32);
    Value negative =
        f.compare(arith::CmpIPredicate::slt, bits, f.constant(0, 32));
    bits = f.convert<arith::ExtUIOp>(bits, i64);
    Value exponent = f.make<arith::AndIOp>(
        f.make<arith::ShRUIOp>(bits, f.constant(23)), f.constant(255));
    Value mantissa =
        f.make<arith::OrIOp>(f.make<arith::AndIOp>(bits, f.constant(0x7fffff)),
                             f.constant(0x800000));
    auto clamped = [&](Value shift) {
      return f.make<arith::MinSIOp>(
          f.make<arith::MaxSIOp>(shift, f.constant(0)), f.constant(63));
    };
    Value left = clamped(f.make<arith::SubIOp>(exponent, f.constant(150)));
    Value right = clamped(f.make<arith::SubIOp>(f.constant(150), exponent));
    Value size =
        f.make<arith::ShRUIOp>(f.make<arith::ShLIOp>(mantissa, left), right);
    rewriter.replaceOp(op, f.negateIf(negative, size));
    return success();
  }
};

} // namespace

void populateWideConversionPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandSIToFP, ExpandUIToFP, ExpandToInteger<arith::FPToSIOp>,
               ExpandToInteger<arith::FPToUIOp>>(patterns.getContext());
}

} // namespace mlir::pock
