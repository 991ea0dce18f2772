//===- SinkGradients.cpp - move gradients into their updates --------------===//
//
// Needs the order of pock-build-step: forward pass, loss, backward pass. Two
// kinds of ops after the loss stay where they are: ops whose result
// pock-save-least may save instead of an activation, and ops that
// pock-split-prepare may compute once.
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

static int64_t bitsOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getNumElements() * type.getElementTypeBitWidth();
}

/// Whether `op` makes a smaller result from values of the forward pass: the
/// slice of an activation, the mask of a relu, the indices of a maximum.
static bool isSave(Operation *op, const StepPhases &phases) {
  if (!phases.readsForwardOnly(op))
    return false;
  int64_t read = 0, made = 0;
  for (Value operand : op->getOperands())
    if (!isa_and_present<LoadParamOp, ConstantOp>(operand.getDefiningOp()))
      read += bitsOf(operand);
  for (Value result : op->getResults())
    made += bitsOf(result);
  return made < read;
}

/// The ops of `body` that compute with parameters and constants only.
static DenseSet<Operation *> findParameterOps(Block &body) {
  DenseSet<Operation *> found;
  for (Operation &op : body) {
    bool readsParameter = false, readsOther = false;
    for (Value operand : op.getOperands()) {
      Operation *source = operand.getDefiningOp();
      if (source && (isa<LoadParamOp>(source) || found.contains(source)))
        readsParameter = true;
      else if (!source || !isa<ConstantOp>(source))
        readsOther = true;
    }
    if (readsParameter && !readsOther)
      found.insert(&op);
  }
  return found;
}

/// The update whose region contains every user of `op`; null if there is none.
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
    DenseSet<Operation *> parameterOps = findParameterOps(body);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body))) {
      if (op.getNumResults() == 0 || !isMemoryEffectFree(&op) ||
          !phases.isBackward(&op) || parameterOps.contains(&op) ||
          isSave(&op, phases))
        continue;
      if (SparseUpdateOp update = soleUpdate(&op))
        op.moveBefore(&update.getBody().front().front());
    }
  }
};
} // namespace
