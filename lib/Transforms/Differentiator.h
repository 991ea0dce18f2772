//===- Differentiator.h - reverse-mode differentiation ----------*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_DIFFERENTIATOR_H
#define POCK_LIB_TRANSFORMS_DIFFERENTIATOR_H

#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::pock {

/// The gradient of the trained part of a parameter.
struct ParamGradient {
  ParamOp param;
  Value gradient;
};

/// Reverse-mode differentiation of one function, demand driven:
///   1. active values: walk forward from the loads of trained parameters;
///   2. reverse walk from the loss over active ops, summing cotangents.
/// Straight-line code only: the values of the forward pass are the tape.
class Differentiator {
public:
  Differentiator(func::FuncOp function, Value loss)
      : function(function), loss(loss) {}

  /// Builds the gradient of each of `params`, in their order.
  FailureOr<SmallVector<ParamGradient>> run(OpBuilder &builder,
                                            ArrayRef<ParamOp> params);

private:
  /// Marks every value that depends on a trained parameter and has a gradient:
  /// floats, and integers that stand for real numbers.
  void findActive();
  /// Builds the cotangents of all active values that the loss depends on.
  LogicalResult differentiateAll(OpBuilder &builder);
  /// Propagates the cotangents of the results of `op` to its operands.
  LogicalResult differentiate(OpBuilder &builder, Operation *op);
  /// Whether integers that `op` makes of the active `operand` stand for real
  /// numbers.
  static bool isRelaxed(Operation *op, Value operand);
  /// The type of the cotangent of `value`: of integers, floats of the loss's
  /// element type.
  RankedTensorType cotangentType(Value value) const;
  /// `op` on real numbers in place of integers. It is only asked for its
  /// gradient rule.
  Operation *buildRealTwin(OpBuilder &builder, Operation *op);
  /// Removes pock.custom_gradient and pock.set_gradients, and moves the ops
  /// that compute given gradients behind their operands.
  LogicalResult removeCustomGradients(OpBuilder &builder);
  /// Adds `cotangent` to the cotangent of `value`.
  void addCotangent(OpBuilder &builder, Value value, Value cotangent);
  /// The gradient of the trained part of `param`; zero if it has no cotangent.
  Value buildGradient(OpBuilder &builder, ParamOp param);

  func::FuncOp function;
  Value loss;
  /// Active values, each with one parameter it depends on.
  llvm::MapVector<Value, ParamOp> active;
  DenseMap<Value, Value> cotangents;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_DIFFERENTIATOR_H
