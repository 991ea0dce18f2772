//===- FailEarly.cpp - move failures to the beginning ---------------------===//
//
// Needs functions of one block. Guarantees the same results, and the same order
// of the failures that move. The ops that compute a flag move with it, so a
// computed index may live longer than before. `pock-order-launches` reverts
// that if it costs memory, because only writes of parameters wait for a
// failure.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/Pock.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FAILEARLY
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// Whether `op` may run first: it makes integers, and so is cheap.
static bool mayBeEarly(Operation *op) {
  return op->getNumRegions() == 0 && isMemoryEffectFree(op) &&
         llvm::all_of(op->getResultTypes(), [](Type type) {
           return getElementTypeOrSelf(type).isInteger();
         });
}

/// Adds the ops that make `value` to `ops`, operands first. Returns whether all
/// of them may run first.
static bool collect(Value value, llvm::SetVector<Operation *> &ops) {
  Operation *op = value.getDefiningOp();
  if (!op || ops.contains(op))
    return true;
  if (!mayBeEarly(op))
    return false;
  for (Value operand : op->getOperands())
    if (!collect(operand, ops))
      return false;
  ops.insert(op);
  return true;
}

namespace {
struct FailEarly : public ::mlir::pock::impl::FailEarlyBase<FailEarly> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    Block &body = getOperation().getBody().front();
    llvm::SetVector<Operation *> early;
    for (auto failure : body.getOps<FailIfOp>()) {
      llvm::SetVector<Operation *> leading = early;
      if (!collect(failure.getFlag(), leading))
        continue;
      early = std::move(leading);
      early.insert(failure);
    }
    for (Operation *op : llvm::reverse(early))
      if (op != &body.front())
        op->moveBefore(&body.front());
  }
};
} // namespace
