//===- Schedule.cpp - move updates directly after their gradients ---------===//
//
// Needs a function that returns the loss first and contains the forward pass,
// then the backward pass, then the updates. Keeps that order except for the
// updates. SSA dominance holds. The second constraint, that an old value of a
// parameter is read before it is overwritten, is encoded in the position of an
// update, and pock-plan-memory verifies it.
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

/// The position in `body` of the op that encloses `op`.
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
    // An update waits for the loss: the ops in its region belong to the
    // backward pass, and are accounted as such.
    Operation *first = phases.getLoss();
    for (auto failure : body->getOps<FailIfOp>())
      if (first->isBeforeInBlock(failure))
        first = failure;
    for (SparseUpdateOp update : updates)
      placeUpdate(update, first);
  }

  /// Moves `update` after all ops that it depends on, `first` included.
  void placeUpdate(SparseUpdateOp update, Operation *first) {
    if (!placed.insert(update).second)
      return;
    Operation *latest = first;
    auto waitFor = [&](Operation *op) {
      Operation *ancestor = op ? ancestorIn(*body, op) : nullptr;
      // Another update reads the old value: wait for that update.
      if (auto other = dyn_cast_or_null<SparseUpdateOp>(ancestor))
        placeUpdate(other, first);
      if (ancestor && ancestor != update && latest->isBeforeInBlock(ancestor))
        latest = ancestor;
    };
    update->walk([&](Operation *op) {
      for (Value operand : op->getOperands())
        waitFor(operand.getDefiningOp());
    });
    auto waitForReaders = [&](auto &self, Value value) -> void {
      forEachReader(value, [&](Operation *reader) {
        waitFor(reader);
        // The whole of a slice is made where it is read.
        if (isa<ConcatOp>(reader))
          self(self, reader->getResult(0));
      });
    };
    for (auto load : body->getOps<LoadParamOp>())
      if (load.getParam() == update.getParam())
        waitForReaders(waitForReaders, load);
    update->moveAfter(latest);
  }

  Block *body = nullptr;
  llvm::SmallPtrSet<Operation *, 16> placed;
};
} // namespace
