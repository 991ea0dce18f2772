//===- RepeatElementwise.cpp - compute cheap values where they are read ---===//
//
// A value that several kernels read has to be stored. If one subtraction or so
// makes it from a tensor that is stored anyway (the distance from the mean, for
// a variance, a normalisation and a gradient), every reader may as well do that
// itself: a store less, and no more to load.
//
// Needs functions of one block, scheduled, with updates lowered. Guarantees the
// same results: the same op runs on the same operands. No value lives longer
// than the repeated one did, but what it is made from.
//
//===----------------------------------------------------------------------===//

#include "KernelGroups.h"

#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::pock {
#define GEN_PASS_DEF_REPEATELEMENTWISE
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// The only operand of `op` that is as large as its result, and no wider; null
/// if there are several, or others that are not small.
Value sourceOf(Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Value source;
  for (Value operand : op->getOperands()) {
    if (operand.getDefiningOp<ConstantOp>() ||
        isSmall(operand.getType(), type.getShape()))
      continue;
    if ((source && source != operand) || operand.getType() != type)
      return {};
    source = operand;
  }
  return source;
}

/// Whether `value` is in memory whatever reads it. (Parameters are, too, but
/// their updates should not wait for more readers.)
bool isStored(Value value, Operation *reader) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return true;
  return !isFree(op) && llvm::any_of(value.getUsers(), [&](Operation *user) {
    return user != reader;
  });
}

struct RepeatElementwise
    : public ::mlir::pock::impl::RepeatElementwiseBase<RepeatElementwise> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!isEntry(function))
      return;
    if (failed(verifyGroupable(function)))
      return signalPassFailure();
    // What a repeated op reads may be repeated in turn, hence last ops first.
    while (repeatOnce(function)) {
    }
  }

private:
  static bool repeatOnce(func::FuncOp function) {
    const FormKernelsOptions kernels; // As the next pass is by default.
    KernelGroups groups(function, kernels.reorder, kernels.mostOps);
    bool changed = false;
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
      changed |= repeat(&op, groups);
    return changed;
  }

  /// Gives each kernel that reads `op` a copy of its own; whether it did.
  static bool repeat(Operation *op, const KernelGroups &groups) {
    KernelGroup *own = groups.lookup(op);
    if (!own || !cast<KernelRoleOpInterface>(op).isCheapToRecompute())
      return false;
    Value source = sourceOf(op);
    if (!source || !isStored(source, op))
      return false;
    llvm::MapVector<KernelGroup *, SmallVector<OpOperand *>> uses;
    for (OpOperand &use : op->getUses()) {
      KernelGroup *group = groups.lookup(use.getOwner());
      if (!group || !computesOnTheWay(use.getOwner(), op->getResult(0)))
        return false;
      uses[group].push_back(&use);
    }
    if (uses.size() < 2 || uses.contains(own))
      return false;
    for (auto &[group, operands] : uses) {
      Operation *first = operands.front()->getOwner();
      for (OpOperand *operand : operands)
        if (operand->getOwner()->isBeforeInBlock(first))
          first = operand->getOwner();
      OpBuilder b(first);
      Value copy = b.clone(*op)->getResult(0);
      for (OpOperand *operand : operands)
        operand->set(copy);
    }
    op->erase();
    return true;
  }
};
} // namespace
