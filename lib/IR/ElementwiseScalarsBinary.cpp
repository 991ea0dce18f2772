//===- ElementwiseScalarsBinary.cpp - scalar code of ops of two or three --===//
//
// `buildScalar` of the elementwise ops with several operands, except optimizer
// updates. On `i1`, sum is "or" and product is "and", as in PyTorch.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::pock;

/// `FloatOp`, `IntOp` or `BoolOp` of two scalars, depending on their type.
template <typename FloatOp, typename IntOp, typename BoolOp>
static SmallVector<Value> buildArithmetic(OpBuilder &b, Location loc,
                                          ValueRange args) {
  Type type = args[0].getType();
  if (isa<FloatType>(type))
    return {FloatOp::create(b, loc, args[0], args[1])};
  if (type.isInteger(1))
    return {BoolOp::create(b, loc, args[0], args[1])};
  return {IntOp::create(b, loc, args[0], args[1])};
}

SmallVector<Value> AddOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  return buildArithmetic<arith::AddFOp, arith::AddIOp, arith::OrIOp>(b, loc,
                                                                     args);
}

SmallVector<Value> SubOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  return buildArithmetic<arith::SubFOp, arith::SubIOp, arith::SubIOp>(b, loc,
                                                                      args);
}

SmallVector<Value> MulOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  return buildArithmetic<arith::MulFOp, arith::MulIOp, arith::AndIOp>(b, loc,
                                                                      args);
}

SmallVector<Value> DivOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  return {arith::DivFOp::create(b, loc, args[0], args[1])};
}

SmallVector<Value> PowOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  return {math::PowFOp::create(b, loc, args[0], args[1])};
}

SmallVector<Value> FmodOp::buildScalar(OpBuilder &b, Location loc,
                                       ValueRange args) {
  return {arith::RemFOp::create(b, loc, args[0], args[1])};
}

/// `x` if it is `better` or NaN, else `y`. Of two zeros of different sign the
/// result is the second one, as in PyTorch.
static Value buildExtremum(OpBuilder &b, Location loc, ValueRange args,
                           arith::CmpFPredicate better) {
  Value x = args[0], y = args[1];
  Value isBetter = arith::CmpFOp::create(b, loc, better, x, y);
  Value chosen = arith::SelectOp::create(b, loc, isBetter, x, y);
  Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x);
  return arith::SelectOp::create(b, loc, isNaN, x, chosen);
}

SmallVector<Value> MaximumOp::buildScalar(OpBuilder &b, Location loc,
                                          ValueRange args) {
  return {buildExtremum(b, loc, args, arith::CmpFPredicate::OGT)};
}

SmallVector<Value> MinimumOp::buildScalar(OpBuilder &b, Location loc,
                                          ValueRange args) {
  return {buildExtremum(b, loc, args, arith::CmpFPredicate::OLT)};
}

SmallVector<Value> AndOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  return {arith::AndIOp::create(b, loc, args[0], args[1])};
}

SmallVector<Value> OrOp::buildScalar(OpBuilder &b, Location loc,
                                     ValueRange args) {
  return {arith::OrIOp::create(b, loc, args[0], args[1])};
}

/// `x / y` of integers, rounded down if `down`, else toward zero. Processors
/// trap on division by zero and of the smallest integer by -1, so neither
/// reaches the division.
static Value buildQuotient(OpBuilder &b, Location loc, Value x, Value y,
                           bool down) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc,
                                     b.getIntegerAttr(x.getType(), value));
  };
  auto compare = [&](arith::CmpIPredicate predicate, Value l,
                     Value r) -> Value {
    return arith::CmpIOp::create(b, loc, predicate, l, r);
  };
  Value zero = constant(0), one = constant(1);
  Value byZero = compare(arith::CmpIPredicate::eq, y, zero);
  Value byMinusOne = compare(arith::CmpIPredicate::eq, y, constant(-1));
  Value traps = arith::OrIOp::create(b, loc, byZero, byMinusOne);
  Value divisor = arith::SelectOp::create(b, loc, traps, one, y);
  Value quotient = arith::DivSIOp::create(b, loc, x, divisor);
  if (down) {
    Value product = arith::MulIOp::create(b, loc, quotient, divisor);
    Value rest = arith::SubIOp::create(b, loc, x, product);
    Value inexact = compare(arith::CmpIPredicate::ne, rest, zero);
    Value signs = arith::XOrIOp::create(b, loc, rest, divisor);
    Value differ = compare(arith::CmpIPredicate::slt, signs, zero);
    Value above = arith::AndIOp::create(b, loc, inexact, differ);
    Value lower = arith::SubIOp::create(b, loc, quotient, one);
    quotient = arith::SelectOp::create(b, loc, above, lower, quotient);
  }
  Value negated = arith::SubIOp::create(b, loc, zero, x);
  quotient = arith::SelectOp::create(b, loc, byMinusOne, negated, quotient);
  return arith::SelectOp::create(b, loc, byZero, zero, quotient);
}

SmallVector<Value> FloorDivOp::buildScalar(OpBuilder &b, Location loc,
                                           ValueRange args) {
  return {buildQuotient(b, loc, args[0], args[1], /*down=*/true)};
}

SmallVector<Value> TruncDivOp::buildScalar(OpBuilder &b, Location loc,
                                           ValueRange args) {
  return {buildQuotient(b, loc, args[0], args[1], /*down=*/false)};
}

/// Whether `count` is from 0 to `limit - 1`; and `count` itself if so, else
/// `otherwise`.
static std::pair<Value, Value> limitCount(OpBuilder &b, Location loc,
                                          Value count, int64_t limit,
                                          int64_t otherwise) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc,
                                     b.getIntegerAttr(count.getType(), value));
  };
  Value within = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, count,
                                       constant(limit));
  Value limited =
      arith::SelectOp::create(b, loc, within, count, constant(otherwise));
  return {within, limited};
}

SmallVector<Value> ShiftLeftOp::buildScalar(OpBuilder &b, Location loc,
                                            ValueRange args) {
  int64_t bits = args[0].getType().getIntOrFloatBitWidth();
  auto [within, count] = limitCount(b, loc, args[1], bits, 0);
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(args[0].getType()));
  Value shifted = arith::ShLIOp::create(b, loc, args[0], count);
  return {arith::SelectOp::create(b, loc, within, shifted, zero)};
}

SmallVector<Value> ShiftRightOp::buildScalar(OpBuilder &b, Location loc,
                                             ValueRange args) {
  int64_t last = args[0].getType().getIntOrFloatBitWidth() - 1;
  auto [within, count] = limitCount(b, loc, args[1], last, last);
  return {arith::ShRSIOp::create(b, loc, args[0], count)};
}

/// NaN is unequal to everything; all other comparisons with NaN are false.
static arith::CmpFPredicate floatPredicate(CmpPredicate predicate) {
  switch (predicate) {
  case CmpPredicate::EQ:
    return arith::CmpFPredicate::OEQ;
  case CmpPredicate::NE:
    return arith::CmpFPredicate::UNE;
  case CmpPredicate::LT:
    return arith::CmpFPredicate::OLT;
  case CmpPredicate::LE:
    return arith::CmpFPredicate::OLE;
  case CmpPredicate::GT:
    return arith::CmpFPredicate::OGT;
  case CmpPredicate::GE:
    return arith::CmpFPredicate::OGE;
  }
  llvm_unreachable("all predicates are handled");
}

/// Integers are signed, `i1` is 0 or 1.
static arith::CmpIPredicate integerPredicate(CmpPredicate predicate,
                                             bool isBool) {
  switch (predicate) {
  case CmpPredicate::EQ:
    return arith::CmpIPredicate::eq;
  case CmpPredicate::NE:
    return arith::CmpIPredicate::ne;
  case CmpPredicate::LT:
    return isBool ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt;
  case CmpPredicate::LE:
    return isBool ? arith::CmpIPredicate::ule : arith::CmpIPredicate::sle;
  case CmpPredicate::GT:
    return isBool ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::sgt;
  case CmpPredicate::GE:
    return isBool ? arith::CmpIPredicate::uge : arith::CmpIPredicate::sge;
  }
  llvm_unreachable("all predicates are handled");
}

SmallVector<Value> CmpOp::buildScalar(OpBuilder &b, Location loc,
                                      ValueRange args) {
  Type type = args[0].getType();
  if (isa<FloatType>(type))
    return {arith::CmpFOp::create(b, loc, floatPredicate(getPredicate()),
                                  args[0], args[1])};
  return {arith::CmpIOp::create(
      b, loc, integerPredicate(getPredicate(), type.isInteger(1)), args[0],
      args[1])};
}

SmallVector<Value> SelectOp::buildScalar(OpBuilder &b, Location loc,
                                         ValueRange args) {
  return {arith::SelectOp::create(b, loc, args[0], args[1], args[2])};
}

SmallVector<Value> WithDerivativesOp::buildScalar(OpBuilder &, Location,
                                                  ValueRange args) {
  return {args[0]};
}
