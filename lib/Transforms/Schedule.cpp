//===- Schedule.cpp - order the step --------------------------------------===//
//
// Needs a function that returns the loss first and holds the forward pass, then
// the backward pass, then the updates. Keeps that order but for the updates,
// see the description of the pass. SSA dominance holds; the second constraint,
// that an old value of a parameter is read before it is overwritten, is what
// the position of an update encodes and pock-plan-memory verifies.
//
//===----------------------------------------------------------------------===//

#include "FunctionPlan.h"
#include "StepPhases.h"
#include "Views.h"

#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SCHEDULE
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// Where the op stands that encloses `op` in `body`.
static Operation *ancestorIn(Block &body, Operation *op) {
  return body.findAncestorOpInBlock(*op);
}

namespace {
struct Schedule : public ::mlir::pock::impl::ScheduleBase<Schedule> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    body = &getOperation().getBody().front();
    StepPhases phases(getOperation());
    if (!phases.getLoss())
      return;
    SmallVector<SparseUpdateOp> updates(body->getOps<SparseUpdateOp>());
    placed.clear();
    // The loss is part of what an update waits for: what its region computes is
    // the backward pass, and is accounted as such.
    Operation *first = phases.getLoss();
    for (auto failure : body->getOps<FailIfOp>())
      if (first->isBeforeInBlock(failure))
        first = failure;
    for (SparseUpdateOp update : updates)
      placeUpdate(update, first);
  }

  /// Moves `update` behind everything it waits for, `first` among that.
  void placeUpdate(SparseUpdateOp update, Operation *first) {
    if (!placed.insert(update).second)
      return;
    Operation *latest = first;
    auto waitFor = [&](Operation *op) {
      Operation *ancestor = op ? ancestorIn(*body, op) : nullptr;
      // Another update that reads the old value: wait for it where it belongs.
      if (auto other = dyn_cast_or_null<SparseUpdateOp>(ancestor))
        placeUpdate(other, first);
      if (ancestor && ancestor != update && latest->isBeforeInBlock(ancestor))
        latest = ancestor;
    };
    update->walk([&](Operation *op) {
      for (Value operand : op->getOperands())
        waitFor(operand.getDefiningOp());
    });
    for (auto load : body->getOps<LoadParamOp>())
      if (load.getParam() == update.getParam())
        forEachReader(load, waitFor);
    update->moveAfter(latest);
  }

  Block *body = nullptr;
  llvm::SmallPtrSet<Operation *, 16> placed;
};
} // namespace
