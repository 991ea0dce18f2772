//===- Integer.h - Integers in code that is being built ---------*- C++ -*-===//
#ifndef POCK_LIB_BACKENDS_VULKAN_INTEGER_H
#define POCK_LIB_BACKENDS_VULKAN_INTEGER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace mlir::pock {

/// An integer without a sign, or a truth value (of one bit), in the code that
/// `builder` makes. Operators emit operations on it; constants have its type.
class Integer {
public:
  Integer(OpBuilder &b, Location loc, Value value)
      : b(&b), where(loc), number(value) {}

  OpBuilder &builder() const { return *b; }
  Location loc() const { return where; }
  Value value() const { return number; }
  int64_t width() const { return number.getType().getIntOrFloatBitWidth(); }

  /// A constant of the same type.
  Integer like(int64_t constant) const {
    APInt bits(width(), static_cast<uint64_t>(constant), /*isSigned=*/false,
               /*implicitTrunc=*/true);
    return with(arith::ConstantOp::create(
        *b, where, b->getIntegerAttr(number.getType(), bits)));
  }

  /// With more zeros before it, or without its first bits.
  Integer resize(int64_t bits) const {
    Type type = b->getIntegerType(bits);
    if (bits == width())
      return *this;
    if (bits < width())
      return with(arith::TruncIOp::create(*b, where, type, number));
    return with(arith::ExtUIOp::create(*b, where, type, number));
  }

  /// The bits of an operation on the numbers of which these are the bits.
  template <typename Op>
  Integer fromFloats(Integer other) const {
    auto asFloat = [&](Value bits) -> Value {
      return arith::BitcastOp::create(*b, where, b->getF32Type(), bits);
    };
    Value result =
        Op::create(*b, where, asFloat(number), asFloat(other.number));
    return with(arith::BitcastOp::create(*b, where, b->getI32Type(), result));
  }

  template <typename Op>
  Integer apply(Integer other) const {
    return with(Op::create(*b, where, number, other.number));
  }
  Integer compare(arith::CmpIPredicate predicate, Integer other) const {
    return with(
        arith::CmpIOp::create(*b, where, predicate, number, other.number));
  }
  Integer operator!() const { return *this ^ like(1); }

#define POCK_INTEGER_OPERATOR(sign, Op)                                        \
  friend Integer operator sign(Integer x, Integer y) {                         \
    return x.apply<arith::Op>(y);                                              \
  }                                                                            \
  friend Integer operator sign(Integer x, int64_t y) {                         \
    return x sign x.like(y);                                                   \
  }
  POCK_INTEGER_OPERATOR(+, AddIOp)
  POCK_INTEGER_OPERATOR(-, SubIOp)
  POCK_INTEGER_OPERATOR(*, MulIOp)
  POCK_INTEGER_OPERATOR(&, AndIOp)
  POCK_INTEGER_OPERATOR(|, OrIOp)
  POCK_INTEGER_OPERATOR(^, XOrIOp)
  POCK_INTEGER_OPERATOR(<<, ShLIOp)
  POCK_INTEGER_OPERATOR(>>, ShRUIOp)
#undef POCK_INTEGER_OPERATOR
  friend Integer operator-(int64_t x, Integer y) { return y.like(x) - y; }
  friend Integer operator==(Integer x, int64_t y) {
    return x.compare(arith::CmpIPredicate::eq, x.like(y));
  }
  friend Integer operator!=(Integer x, int64_t y) {
    return x.compare(arith::CmpIPredicate::ne, x.like(y));
  }
  /// As numbers with signs.
  friend Integer isLess(Integer x, Integer y) {
    return x.compare(arith::CmpIPredicate::slt, y);
  }
  friend Integer isLess(Integer x, int64_t y) { return isLess(x, x.like(y)); }
  friend Integer shiftRightSigned(Integer x, int64_t count) {
    return x.apply<arith::ShRSIOp>(x.like(count));
  }
  friend Integer select(Integer condition, Integer x, Integer y) {
    return x.with(arith::SelectOp::create(*x.b, x.where, condition.number,
                                          x.number, y.number));
  }
  /// 1 if `condition` is true, with the type of `type`.
  friend Integer asNumber(Integer condition, Integer type) {
    return condition.resize(type.width());
  }
  friend Integer leadingZeros(Integer x) {
    return x.with(math::CountLeadingZerosOp::create(*x.b, x.where, x.number));
  }

private:
  Integer with(Value value) const { return {*b, where, value}; }

  OpBuilder *b;
  Location where;
  Value number;
};

} // namespace mlir::pock

#endif // POCK_LIB_BACKENDS_VULKAN_INTEGER_H
