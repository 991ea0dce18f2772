//===- SaveLeast.cpp - the fewest bytes between forward and backward ------===//
//
// What the backward pass reads of the forward pass must be kept in between.
// Some of its ops read nothing else and make less of it: the mask of a relu,
// the slice of an activation, the indices of a maximum. Where such an op runs
// in the forward pass, its result is kept, and its operands only if others read
// them.
//
// Which of them to move is a minimum cut. Every value is an edge that costs its
// bytes; what makes it leads to it, what reads it comes behind; forward ops are
// behind the source, the other ops of the backward pass in front of the sink. A
// way from one to the other must be cut somewhere: there something is kept.
//
// Needs a function that returns the loss first and holds the forward pass, then
// the backward pass. Guarantees the same results, and that no set of such moves
// keeps fewer bytes.
//
//===----------------------------------------------------------------------===//

#include "StepPhases.h"
#include "Views.h"

#include "../Support/MinimumCut.h"

#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

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
    if (candidates.empty())
      return;
    buildNetwork(phases);
    network.cut(source, sink);
    for (Operation *op : candidates) {
      auto node = nodes.find(op->getResult(0));
      if (node != nodes.end() && network.isBeforeCut(node->second.made))
        moveBehindOperands(op, phases);
    }
  }

private:
  /// The edge of a value: from where it is made to where it is read.
  struct Node {
    int made, read;
  };

  void buildNetwork(const StepPhases &phases) {
    network = Network();
    nodes.clear();
    source = network.addNode();
    sink = network.addNode();
    for (Operation &op : *body) {
      bool forward = !phases.isBackward(&op);
      if (isa<ReshapeOp>(op) || !(forward || candidates.contains(&op)))
        continue;
      for (Value result : op.getResults()) {
        bool read = false, stays = false;
        forEachReader(result, [&](Operation *user) {
          Operation *reader = body->findAncestorOpInBlock(*user);
          read |= phases.isBackward(reader);
          stays |= phases.isBackward(reader) && !candidates.contains(reader);
        });
        if (isFree(result) || !read)
          continue;
        Node node{network.addNode(), network.addNode()};
        nodes[result] = node;
        network.addEdge(node.made, node.read, bytesOf(result.getType()));
        if (forward)
          network.addEdge(source, node.made, Network::unlimited);
        if (stays)
          network.addEdge(node.read, sink, Network::unlimited);
      }
    }
    for (Operation *op : candidates)
      if (auto reader = nodes.find(op->getResult(0)); reader != nodes.end())
        for (Value operand : op->getOperands())
          if (auto operandNode = nodes.find(storageOf(operand));
              operandNode != nodes.end()) {
            network.addEdge(operandNode->second.read, reader->second.made,
                            Network::unlimited);
            // What runs in the forward pass finds its operands there.
            network.addEdge(reader->second.made, operandNode->second.made,
                            Network::unlimited);
          }
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

  Block *body = nullptr;
  Network network;
  int source = 0, sink = 0;
  llvm::DenseMap<Value, Node> nodes;
  /// Ops of the backward pass that could run in the forward pass, in order.
  llvm::SetVector<Operation *> candidates;
};
} // namespace
