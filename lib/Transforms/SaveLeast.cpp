//===- SaveLeast.cpp - the fewest bytes between forward and backward ------===//
//
// What the backward pass reads of the forward pass must be kept in between.
// Some of its ops read nothing else and make less of it: the mask of a relu,
// the slice of an activation, the indices of a maximum. Where such an op runs
// in the forward pass, its result is kept, and its operands only if others read
// them. And some ops of the forward pass cost so little that the backward pass
// may run them again: activations, scales, shifts, copies.
//
// Which of them to move and which to run again is a minimum cut. Every value is
// an edge that costs its bytes; what makes it leads to it, what reads it comes
// behind; forward ops are behind the source, at the price of running them
// again, the other ops of the backward pass in front of the sink. A way from
// one to the other must be cut somewhere: there something is kept. (Chen et
// al., "Training Deep Nets with Sublinear Memory Cost", 2016, run cheap ops
// again; the cut is that of PyTorch's min-cut partitioner.)
//
// Needs a function that returns the loss first and holds the forward pass, then
// the backward pass. Guarantees the same results, and that no choice of such
// ops costs less: bytes that are kept, and a part of those that are made again.
//
//===----------------------------------------------------------------------===//

#include "StepPhases.h"
#include "Views.h"

#include "../Support/MinimumCut.h"

#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SAVELEAST
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// Whether `value` is there in the backward pass whatever happens: an input, a
/// parameter, a constant.
bool isFree(Value value) {
  Operation *op = value.getDefiningOp();
  return !op || isa<LoadParamOp, ConstantOp>(op);
}

/// So many operations count as a byte that is kept.
constexpr int64_t workPerByte = 96;

/// What is made again takes memory, too, if only for a moment: it must spare
/// this share of its own bytes.
constexpr int64_t shareSpared = 12;

/// Operations that `op` takes for each entry of its result, if the backward
/// pass may run it again; 0 if not.
int64_t workOf(Operation *op) {
  auto kernelOp = dyn_cast<KernelRoleOpInterface>(op);
  return kernelOp && op->getNumResults() == 1 && isMemoryEffectFree(op)
             ? kernelOp.getWorkPerEntry()
             : 0;
}

/// Of all remarks of this pass.
constexpr auto saving =
    remark::RemarkOpts::name("saved").category("pock-save-least");

struct SaveLeast : public ::mlir::pock::impl::SaveLeastBase<SaveLeast> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    body = &getOperation().getBody().front();
    StepPhases phases(getOperation());
    if (!phases.getLoss())
      return;
    candidates.clear();
    for (Operation &op : *body)
      if (phases.isBackward(&op) && phases.readsForwardOnly(&op) &&
          !isa<ReshapeOp>(op) && op.getNumResults() == 1 &&
          op.getNumOperands() > 0 && isMemoryEffectFree(&op))
        candidates.insert(&op);
    buildNetwork(phases);
    network.cut(source, sink);
    for (Operation *op : candidates)
      if (isBeforeCut(op->getResult(0))) {
        remark::passed(op->getLoc(), saving)
            << remark::add("{0} runs in the forward pass, its result is saved",
                           op->getName().getStringRef());
        moveBehindOperands(op, phases);
      }
    runAgain(phases);
  }

private:
  /// The edge of a value: from where it is made to where it is read.
  struct Node {
    int made, read;
  };

  /// Whether `value` is made in the forward pass only. A value that nothing
  /// behind the loss asks for is.
  bool isBeforeCut(Value value) const {
    auto node = nodes.find(value);
    return node != nodes.end() && network.isBeforeCut(node->second.made);
  }

  void buildNetwork(const StepPhases &phases) {
    network = Network();
    nodes.clear();
    source = network.addNode();
    sink = network.addNode();
    for (Operation &op : *body) {
      if (isa<ReshapeOp>(op) ||
          !(candidates.contains(&op) || !phases.isBackward(&op)))
        continue;
      for (Value result : op.getResults())
        addValue(result, phases);
    }
    for (auto &[value, node] : nodes) {
      Operation *op = value.getDefiningOp();
      if (!candidates.contains(op) && !mayRunAgain(op))
        continue;
      for (Value operand : op->getOperands()) {
        auto source = nodes.find(storageOf(operand));
        if (source == nodes.end())
          continue;
        // What runs in the backward pass finds its operands there.
        network.addEdge(source->second.read, node.made, Network::unlimited);
        // What runs in the forward pass finds its operands there.
        if (candidates.contains(op))
          network.addEdge(node.made, source->second.made, Network::unlimited);
      }
    }
  }

  void addValue(Value value, const StepPhases &phases) {
    if (isFree(value))
      return;
    Operation *op = value.getDefiningOp();
    Node node{network.addNode(), network.addNode()};
    nodes[value] = node;
    network.addEdge(node.made, node.read,
                    bytesOf(value.getType()) * workPerByte);
    bool stays = false;
    forEachReader(value, [&](Operation *user) {
      Operation *reader = body->findAncestorOpInBlock(*user);
      stays |= phases.isBackward(reader) && !candidates.contains(reader);
    });
    if (stays)
      network.addEdge(node.read, sink, Network::unlimited);
    if (candidates.contains(op)) {
      if (workOf(op) == 0)
        network.addEdge(source, node.made, costOfOperands(op));
    } else {
      network.addEdge(source, node.made,
                      mayRunAgain(op) ? costOfRunningAgain(op)
                                      : Network::unlimited);
    }
  }

  /// Of an op that reads its operands as a whole, behind the loss: they take
  /// memory there.
  static int64_t costOfOperands(Operation *op) {
    int64_t bytes = 0;
    for (Value operand : op->getOperands())
      bytes += bytesOf(operand.getType());
    return bytes * workPerByte / shareSpared;
  }

  static int64_t costOfRunningAgain(Operation *op) {
    auto type = cast<ShapedType>(op->getResult(0).getType());
    int64_t work = workOf(op) * type.getNumElements();
    // A broadcast is part of what reads it.
    return isa<ExpandOp>(op) ? work
                             : work + bytesOf(type) * workPerByte / shareSpared;
  }

  /// Whether `op` puts what it reads where it stays: that is made once.
  static bool isStoredBy(Operation *op) {
    return isa<StoreParamOp>(op) || op->hasTrait<OpTrait::IsTerminator>();
  }

  /// Whether the backward pass may run `op`, of the forward pass, again. A
  /// product that it sums gives other bits than one that it loads.
  bool mayRunAgain(Operation *op) const {
    if (!recompute || workOf(op) == 0 || candidates.contains(op))
      return false;
    bool may = true;
    forEachReader(op->getResult(0), [&](Operation *user) {
      may &= !isStoredBy(user) && !(isa<MulOp>(op) && isa<SumOp, MeanOp>(user));
    });
    return may;
  }

  static void moveBehindOperands(Operation *op, const StepPhases &phases) {
    Operation *latest = nullptr;
    for (Value operand : op->getOperands())
      if (Operation *maker = operand.getDefiningOp()) {
        if (isa<ReshapeOp>(maker) && phases.isBackward(maker))
          moveBehindOperands(maker, phases);
        if (!latest || latest->isBeforeInBlock(maker))
          latest = maker;
      }
    if (latest)
      op->moveAfter(latest);
  }

  /// Copies the ops that the backward pass runs again in front of their first
  /// reader there.
  void runAgain(const StepPhases &phases) {
    IRMapping again;
    for (Operation &op : llvm::make_early_inc_range(*body)) {
      if (!phases.isBackward(&op) || isStoredBy(&op) ||
          (candidates.contains(&op) && isBeforeCut(op.getResult(0))))
        continue;
      op.walk([&](Operation *reader) {
        for (OpOperand &operand : reader->getOpOperands())
          operand.set(runAgain(operand.get(), &op, phases, again));
      });
    }
  }

  /// `value` as the backward pass has it: itself, or a copy that is made in
  /// front of `reader`.
  Value runAgain(Value value, Operation *reader, const StepPhases &phases,
                 IRMapping &again) const {
    if (Value known = again.lookupOrNull(value))
      return known;
    Value stored = storageOf(value);
    if (isFree(stored) || !nodes.contains(stored) || isBeforeCut(stored) ||
        phases.isBackward(stored.getDefiningOp()))
      return value;
    Operation *op = value.getDefiningOp();
    for (Value operand : op->getOperands())
      again.map(operand, runAgain(operand, reader, phases, again));
    remark::passed(op->getLoc(), saving)
        << remark::add("{0} runs again for {1}", op->getName().getStringRef(),
                       reader->getName().getStringRef());
    OpBuilder b(reader);
    return b.clone(*op, again)->getResult(0);
  }

  Block *body = nullptr;
  Network network;
  int source = 0, sink = 0;
  llvm::MapVector<Value, Node> nodes;
  /// Ops of the backward pass that could run in the forward pass, in order.
  llvm::SetVector<Operation *> candidates;
};
} // namespace
