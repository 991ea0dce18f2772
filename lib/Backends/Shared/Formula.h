//===- Formula.h - Builder for formulas of functions ------------*- C++ -*-===//
#ifndef POCK_BACKENDS_SHARED_FORMULA_H
#define POCK_BACKENDS_SHARED_FORMULA_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::pock {

/// Arithmetic on f32 scalars or vectors of one type, and on the integers of
/// their bits.
struct Formula {
  OpBuilder &b;
  Location loc;
  Type type;

  /// The type of the operands with another element type.
  Type typeOf(Type element) const {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(element)) : element;
  }
  Value splat(TypedAttr attribute) const {
    if (auto vector = dyn_cast<VectorType>(typeOf(attribute.getType())))
      attribute = SplatElementsAttr::get(vector, Attribute(attribute));
    return arith::ConstantOp::create(b, loc, attribute);
  }
  Value constant(float value) const { return splat(b.getF32FloatAttr(value)); }
  Value add(Value x, Value y) const {
    return arith::AddFOp::create(b, loc, x, y);
  }
  Value sub(Value x, Value y) const {
    return arith::SubFOp::create(b, loc, x, y);
  }
  Value mul(Value x, Value y) const {
    return arith::MulFOp::create(b, loc, x, y);
  }
  Value fma(Value x, Value y, Value z) const {
    return math::FmaOp::create(b, loc, x, y, z);
  }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) const {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  /// `min(max(x, low), high)`; NaN is kept.
  Value clamp(Value x, float low, float high) const {
    Value raised = arith::MaximumFOp::create(b, loc, x, constant(low));
    return arith::MinimumFOp::create(b, loc, raised, constant(high));
  }
  /// The polynomial with these coefficients, the constant one first.
  Value polynomial(Value x, ArrayRef<float> coefficients) const {
    Value sum = constant(coefficients.back());
    for (float coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, constant(coefficient));
    return sum;
  }

  // Integers of 32 bits, or of 64 where the name says so.

  Value integer(uint32_t value) const {
    return splat(b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value wideInteger(uint64_t value) const {
    return splat(b.getI64IntegerAttr(static_cast<int64_t>(value)));
  }
  Value toBits(Value x) const {
    return arith::BitcastOp::create(b, loc, typeOf(b.getI32Type()), x);
  }
  Value fromBits(Value bits) const {
    return arith::BitcastOp::create(b, loc, type, bits);
  }
  Value bitAnd(Value x, Value y) const {
    return arith::AndIOp::create(b, loc, x, y);
  }
  Value bitOr(Value x, Value y) const {
    return arith::OrIOp::create(b, loc, x, y);
  }
  Value bitXor(Value x, Value y) const {
    return arith::XOrIOp::create(b, loc, x, y);
  }
  Value addInteger(Value x, Value y) const {
    return arith::AddIOp::create(b, loc, x, y);
  }
  /// Shifts by `count` bits, and fills with zeros.
  Value shiftRight(Value x, uint32_t count) const {
    return arith::ShRUIOp::create(b, loc, x, integer(count));
  }
  Value shiftLeft(Value x, uint32_t count) const {
    return arith::ShLIOp::create(b, loc, x, integer(count));
  }
  Value shiftRightWide(Value x, uint64_t count) const {
    return arith::ShRUIOp::create(b, loc, x, wideInteger(count));
  }
  Value shiftLeftWide(Value x, uint64_t count) const {
    return arith::ShLIOp::create(b, loc, x, wideInteger(count));
  }
  Value isEqual(Value x, Value y) const {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
  }
  /// Compares unsigned integers.
  Value isAtLeast(Value x, Value y) const {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, x, y);
  }
  /// Converts a signed integer to a float.
  Value toFloat(Value x) const {
    return arith::SIToFPOp::create(b, loc, type, x);
  }
  Value widen(Value x) const {
    return arith::ExtUIOp::create(b, loc, typeOf(b.getI64Type()), x);
  }
  Value narrow(Value x) const {
    return arith::TruncIOp::create(b, loc, typeOf(b.getI32Type()), x);
  }
};

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_FORMULA_H
