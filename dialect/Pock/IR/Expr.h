//===- Expr.h - formulas over pock tensors ----------------------*- C++ -*-===//
//
// Operators for gradient rules and decompositions: `g * (1.0 - y * y)` builds
// the ops of that formula. Operands broadcast; numbers become 0-D constants.
//
// C++ does not specify which operand of an operator is evaluated first. To keep
// the order of ops independent of the host compiler, write at most one operand
// that itself builds ops, and name the others before.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_IR_EXPR_H
#define POCK_IR_EXPR_H

#include "Pock/IR/PockUtils.h"

namespace mlir::pock {

/// A tensor value together with where to build ops that use it.
class Expr {
public:
  Expr(OpBuilder &builder, Location loc, Value value)
      : builder(&builder), loc(loc), value(value) {}

  operator Value() const { return value; }

  /// Another value, used at the same place.
  Expr at(Value other) const { return {*builder, loc, other}; }
  /// A 0-D constant of this expression's element type.
  Expr constant(double number) const {
    return at(scalarConstant(*builder, loc, value.getType(), number));
  }
  /// The result of a new `Op`.
  template <typename Op, typename... Args>
  Expr make(Args &&...args) const {
    return at(Op::create(*builder, loc, std::forward<Args>(args)...));
  }

  RankedTensorType type() const {
    return cast<RankedTensorType>(value.getType());
  }
  int64_t rank() const { return type().getRank(); }

  Expr reshape(ArrayRef<int64_t> shape) const {
    return at(reshapeTo(*builder, loc, value, shape));
  }
  Expr transpose(ArrayRef<int64_t> permutation) const {
    return at(transposeTo(*builder, loc, value, permutation));
  }
  Expr alongAxis(int64_t axis, int64_t rank) const {
    return at(pock::alongAxis(*builder, loc, value, axis, rank));
  }
  Expr expand(RankedTensorType to) const {
    return type() == to ? *this : make<ExpandOp>(to, value);
  }
  Expr sum(ArrayRef<int64_t> dims, bool keepdim = false) const {
    return make<SumOp>(value, dims, keepdim);
  }
  Expr mean(ArrayRef<int64_t> dims, bool keepdim = false) const {
    return make<MeanOp>(value, dims, keepdim);
  }

  Expr operator-() const { return make<NegOp>(value); }

#define POCK_EXPR_OPERATOR(SYMBOL, BUILD)                                      \
  friend Expr operator SYMBOL(const Expr &l, const Expr &r) { return BUILD; }  \
  friend Expr operator SYMBOL(const Expr &l, double r) {                       \
    return l SYMBOL l.constant(r);                                             \
  }                                                                            \
  friend Expr operator SYMBOL(double l, const Expr &r) {                       \
    return r.constant(l) SYMBOL r;                                             \
  }
  POCK_EXPR_OPERATOR(+, l.make<AddOp>(l.value, r.value))
  POCK_EXPR_OPERATOR(-, l.make<SubOp>(l.value, r.value))
  POCK_EXPR_OPERATOR(*, l.make<MulOp>(l.value, r.value))
  POCK_EXPR_OPERATOR(/, l.make<DivOp>(l.value, r.value))
  POCK_EXPR_OPERATOR(<, l.make<CmpOp>(l.value, r.value, CmpPredicate::LT))
  POCK_EXPR_OPERATOR(<=, l.make<CmpOp>(l.value, r.value, CmpPredicate::LE))
  POCK_EXPR_OPERATOR(>, l.make<CmpOp>(l.value, r.value, CmpPredicate::GT))
  POCK_EXPR_OPERATOR(>=, l.make<CmpOp>(l.value, r.value, CmpPredicate::GE))
  POCK_EXPR_OPERATOR(==, l.make<CmpOp>(l.value, r.value, CmpPredicate::EQ))
  POCK_EXPR_OPERATOR(!=, l.make<CmpOp>(l.value, r.value, CmpPredicate::NE))
#undef POCK_EXPR_OPERATOR
  friend Expr operator&(const Expr &l, const Expr &r) {
    return l.make<AndOp>(l.value, r.value);
  }
  friend Expr operator|(const Expr &l, const Expr &r) {
    return l.make<OrOp>(l.value, r.value);
  }

private:
  OpBuilder *builder;
  Location loc;
  Value value;
};

/// The result of the elementwise `Op` of one operand: `apply<ExpOp>(x)`.
template <typename Op>
Expr apply(const Expr &x) {
  return x.make<Op>(static_cast<Value>(x));
}

/// `condition ? onTrue : onFalse`.
inline Expr select(const Expr &condition, const Expr &onTrue,
                   const Expr &onFalse) {
  return condition.make<SelectOp>(static_cast<Value>(condition),
                                  static_cast<Value>(onTrue),
                                  static_cast<Value>(onFalse));
}
inline Expr select(const Expr &condition, const Expr &onTrue, double onFalse) {
  return select(condition, onTrue, onTrue.constant(onFalse));
}
inline Expr select(const Expr &condition, double onTrue, const Expr &onFalse) {
  return select(condition, onFalse.constant(onTrue), onFalse);
}

} // namespace mlir::pock

#endif // POCK_IR_EXPR_H
