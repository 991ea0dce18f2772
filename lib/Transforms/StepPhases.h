//===- StepPhases.h - forward and backward pass of a step ----- -*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_STEPPHASES_H
#define POCK_LIB_TRANSFORMS_STEPPHASES_H

#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::pock {

/// Distinguishes the forward from the backward pass of a function that returns
/// the loss first. The forward pass ends with the op that defines the loss.
class StepPhases {
public:
  explicit StepPhases(func::FuncOp function) {
    Block &body = function.getBody().front();
    Operation *terminator = body.getTerminator();
    loss = terminator->getNumOperands()
               ? terminator->getOperand(0).getDefiningOp()
               : nullptr;
    bool before = true;
    for (Operation &op : body) {
      if (!before)
        backward.insert(&op);
      if (op.getNumRegions() == 0 && (before || isAvailable(&op)))
        available.insert(&op);
      if (&op == loss)
        before = false;
    }
  }

  /// Whether `op` comes after the loss.
  bool isBackward(Operation *op) const { return backward.contains(op); }

  /// Whether `op` reads only values of the forward pass, directly or through
  /// ops that move data or make masks; such an op could run in the forward
  /// pass.
  bool readsForwardOnly(Operation *op) const { return available.contains(op); }

  /// The op that defines the loss; null if an argument is returned.
  Operation *getLoss() const { return loss; }

private:
  /// Whether an op after the loss reads only values known before it. Only data
  /// movement and masks are followed: the seed of the backward pass is a
  /// constant, so every gradient depends in the end only on the forward pass.
  bool isAvailable(Operation *op) const {
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      Operation *source = operand.getDefiningOp();
      if (!source || (available.contains(source) && !isBackward(source)))
        return true;
      return available.contains(source) && passesOn(source);
    });
  }

  /// Whether the result of `op` is part of its operand, or a mask.
  static bool passesOn(Operation *op) {
    switch (getKernelRole(op)) {
    case KernelRole::View:
      return true;
    case KernelRole::DataMovement:
      return op->getNumOperands() == 1 &&
             bytesOf(op->getResult(0).getType()) <=
                 bytesOf(op->getOperand(0).getType());
    default:
      auto kernelOp = dyn_cast<KernelRoleOpInterface>(op);
      return isa<ConstantOp, LoadParamOp>(op) ||
             (kernelOp && kernelOp.makesMask());
    }
  }

  Operation *loss = nullptr;
  llvm::DenseSet<Operation *> available, backward;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_STEPPHASES_H
