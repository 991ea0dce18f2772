//===- SinkGradients.cpp - move gradients into their updates --------------===//
//
// Needs the order that pock-build-step leaves: forward pass, loss, backward
// pass. The slice of an activation stays where it is, even if it stands behind
// the loss: it is what is saved.
//
//===----------------------------------------------------------------------===//

#include "StepPhases.h"

#include "Pock/IR/Pock.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SINKGRADIENTS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// Whether `op` makes the part of a value of the forward pass that is saved.
static bool isSave(Operation *op, const StepPhases &phases) {
  return isa<SliceOp, MaxPoolIndexOp>(op) && phases.readsForwardOnly(op);
}

/// The update in whose region every user of `op` is, null if there is none.
static SparseUpdateOp soleUpdate(Operation *op) {
  SparseUpdateOp update;
  for (Operation *user : op->getUsers()) {
    auto parent = dyn_cast<SparseUpdateOp>(user->getParentOp());
    if (!parent || (update && update != parent))
      return {};
    update = parent;
  }
  return update;
}

namespace {
struct SinkGradients
    : public ::mlir::pock::impl::SinkGradientsBase<SinkGradients> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    StepPhases phases(getOperation());
    Block &body = getOperation().getBody().front();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body))) {
      if (op.getNumResults() == 0 || !isMemoryEffectFree(&op) ||
          !phases.isBackward(&op) || isSave(&op, phases))
        continue;
      if (SparseUpdateOp update = soleUpdate(&op))
        op.moveBefore(&update.getBody().front().front());
    }
  }
};
} // namespace
