//===- VjpRule.h - notation of gradient rules ----------------- -*- C++ -*-===//
//
// In the comment above each rule, `y` is the result, `x` the operand (or `a`
// and `b`), `g` the cotangent of the result, and `d_` a cotangent of an
// operand.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_LIB_VJP_VJPRULE_H
#define POCK_LIB_VJP_VJPRULE_H

#include "Pock/IR/Expr.h"

/// Starts the definition of the rule of `OP`; see VjpOpInterface.
#define POCK_VJP(OP)                                                           \
  LogicalResult OP::buildVjp(                                                  \
      [[maybe_unused]] OpBuilder &builder, ArrayRef<Value> cotangents,         \
      ArrayRef<bool> needed, MutableArrayRef<Value> grads)

/// Defines the rule of an op with one operand and one result as an expression
/// of `g`, `x` and `y`. Expressions without `x` do not save it.
#define POCK_UNARY_VJP(OP, ...)                                                \
  POCK_VJP(OP) {                                                               \
    if (!needed[0])                                                            \
      return success();                                                        \
    Expr g(builder, getLoc(), cotangents[0]);                                  \
    [[maybe_unused]] Expr x = g.at(getInput()), y = g.at(getResult());         \
    grads[0] = __VA_ARGS__;                                                    \
    return success();                                                          \
  }

namespace mlir::pock {

/// Sums `gradient`, which has the shape of the op's result, to the type of
/// operand `index`, which was broadcast to that shape.
inline Value unbroadcast(Operation *op, unsigned index, OpBuilder &builder,
                         Value gradient) {
  auto type = cast<RankedTensorType>(op->getOperand(index).getType());
  return reduceToType(builder, op->getLoc(), gradient, type);
}

} // namespace mlir::pock

#endif // POCK_LIB_VJP_VJPRULE_H
