//===- FailEarly.cpp - failures in front of what does not need them -------===//
//
// Needs functions of one block. Guarantees the same results, and the same order
// of failures that move. What leads to a flag moves with it, so that an index
// that is computed may live longer than before; `pock-order-launches` takes
// that back where it costs memory, for a failure holds up nothing but what
// writes a parameter.
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

/// Whether `op` is cheap enough to run first: it makes integers.
static bool mayBeEarly(Operation *op) {
  return op->getNumRegions() == 0 && isMemoryEffectFree(op) &&
         llvm::all_of(op->getResultTypes(), [](Type type) {
           return getElementTypeOrSelf(type).isInteger();
         });
}

/// Adds to `ops` what makes `value`, operands first; whether all of that may be
/// early.
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
