//===- UpdateUtils.h - helpers of optimizers ------------------ -*- C++ -*-===//

#ifndef POCK_LIB_OPTIMIZERS_UPDATEUTILS_H
#define POCK_LIB_OPTIMIZERS_UPDATEUTILS_H

#include "Pock/IR/Expr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace mlir::pock {

/// A scalar in a kernel, with operators for formulas of updates. As for `Expr`,
/// at most one operand of an operator may itself build ops.
class Scalar {
public:
  Scalar(OpBuilder &builder, Location loc, Value value)
      : builder(&builder), loc(loc), value(value) {}

  operator Value() const { return value; }
  Scalar at(Value other) const { return {*builder, loc, other}; }
  Scalar constant(double number) const {
    auto attribute = builder->getFloatAttr(value.getType(), number);
    return make<arith::ConstantOp>(attribute);
  }
  template <typename Op, typename... Args>
  Scalar make(Args &&...args) const {
    return at(Op::create(*builder, loc, std::forward<Args>(args)...));
  }

  Scalar operator-() const { return make<arith::NegFOp>(value); }

#define POCK_SCALAR_OPERATOR(SYMBOL, OP)                                       \
  friend Scalar operator SYMBOL(const Scalar &l, const Scalar &r) {            \
    return l.make<OP>(l.value, r.value);                                       \
  }                                                                            \
  friend Scalar operator SYMBOL(const Scalar &l, double r) {                   \
    return l SYMBOL l.constant(r);                                             \
  }                                                                            \
  friend Scalar operator SYMBOL(double l, const Scalar &r) {                   \
    return r.constant(l) SYMBOL r;                                             \
  }
  POCK_SCALAR_OPERATOR(+, arith::AddFOp)
  POCK_SCALAR_OPERATOR(-, arith::SubFOp)
  POCK_SCALAR_OPERATOR(*, arith::MulFOp)
  POCK_SCALAR_OPERATOR(/, arith::DivFOp)
#undef POCK_SCALAR_OPERATOR

private:
  OpBuilder *builder;
  Location loc;
  Value value;
};

/// The 0-D tensor `scalar` converted to the element type of `param`.
inline Value scalarLike(OpBuilder &builder, Location loc, Value scalar,
                        Value param) {
  auto type = RankedTensorType::get(
      {}, cast<RankedTensorType>(param.getType()).getElementType());
  return scalar.getType() == type
             ? scalar
             : Value(CastOp::create(builder, loc, type, scalar));
}

/// The gradient of `param` with that of a penalty on its size: `gradient +
/// decay
/// * param`, or minus that if the optimizer maximises and negates it later.
inline Value addDecay(OpBuilder &builder, Location loc, Value param,
                      Value gradient, double decay, bool maximize) {
  if (decay == 0.0)
    return gradient;
  Expr penalty = Expr(builder, loc, param) * decay;
  Expr g = penalty.at(gradient);
  return maximize ? g - penalty : g + penalty;
}

/// The update of a parameter that is zero, which is the change of any other
/// that the update does not depend on.
inline SmallVector<Value> buildUpdateOfZero(OptimizerAttrInterface optimizer,
                                            OpBuilder &builder, Location loc,
                                            Value gradient, ValueRange states,
                                            Value lr, ValueRange shared) {
  Value zero = splatConstant(builder, loc,
                             cast<RankedTensorType>(gradient.getType()), 0.0);
  return optimizer.buildUpdate(builder, loc, zero, gradient, states, lr,
                               shared);
}

/// Checks `update_c1`: `tensors` have the type of `param`, `scalars` its
/// element type. Null values are skipped.
LogicalResult verifyUpdate(Operation *op, Value param, ValueRange tensors,
                           ArrayRef<Value> scalars);

/// Checks that `value`, called `name`, is finite and not negative.
LogicalResult verifyNotNegative(function_ref<InFlightDiagnostic()> emitError,
                                StringRef name, double value);

} // namespace mlir::pock

#endif // POCK_LIB_OPTIMIZERS_UPDATEUTILS_H
