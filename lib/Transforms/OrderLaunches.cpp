//===- OrderLaunches.cpp - the order of launches that needs least memory --===//
//
// Needs functions of launches on tensors whose kernels say how much workspace
// they want. Guarantees the same results: what a launch reads comes before it,
// and what overwrites a parameter behind all that reads its old value. The
// search and its bound are lib/Support/OrderSearch.h.
//
//===----------------------------------------------------------------------===//

#include "LaunchGraph.h"

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace mlir::pock {
#define GEN_PASS_DEF_ORDERLAUNCHES
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// Moves the launches of a function so that they stand in `order`, each behind
/// the loads, views and destinations that it needs.
void reorder(const LaunchGraph &graph, ArrayRef<int> order) {
  llvm::DenseSet<Operation *> placed;
  Operation *terminator = graph.launches.front()->getBlock()->getTerminator();
  auto place = [&](auto &self, Operation *op) -> void {
    if (!op || op->getBlock() != terminator->getBlock() ||
        !placed.insert(op).second)
      return;
    for (Value operand : op->getOperands())
      self(self, operand.getDefiningOp());
    op->moveBefore(terminator);
  };
  for (int task : order) {
    place(place, graph.launches[task]);
    forEachFailure(graph.launches[task],
                   [&](FailIfOp failure) { place(place, failure); });
  }
  // What no launch reads, and stores.
  for (Operation &op :
       llvm::make_early_inc_range(terminator->getBlock()->without_terminator()))
    place(place, &op);
}

struct OrderLaunches
    : public ::mlir::pock::impl::OrderLaunchesBase<OrderLaunches> {
  using Base::Base;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (func::FuncOp function : entriesOf(getOperation())) {
      LaunchGraph graph(function, symbols);
      if (graph.launches.size() < 2)
        continue;
      Order order = findOrder(graph.tasks, graph.buffers);
      function->setAttr(
          attribute::leastPeak,
          IntegerAttr::get(IntegerType::get(&getContext(), 64), order.bound));
      remark::analysis(function.getLoc(), remark::RemarkOpts::name("order")
                                              .category("pock-order-launches")
                                              .function(function.getSymName()))
          << remark::metric("peak", order.peak)
          << remark::metric("bound", order.bound);
      if (!llvm::is_sorted(order.tasks))
        reorder(graph, order.tasks);
    }
  }
};
} // namespace
