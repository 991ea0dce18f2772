//===- OrderBound.h - What every order needs ------------------------------===//
#ifndef POCK_SUPPORT_ORDERBOUND_H
#define POCK_SUPPORT_ORDERBOUND_H

#include "OrderGraph.h"

namespace mlir::pock {

/// For each task, the tasks that come before it, and those that come behind it,
/// in every order.
struct Reach {
  explicit Reach(const OrderGraph &graph);
  llvm::SmallVector<TaskSet, 0> before, behind;
};

/// For each task, bytes that are alive while it runs in every order.
llvm::SmallVector<int64_t> findAlwaysLive(const OrderGraph &graph,
                                          const Reach &reach);

/// The set of done tasks after which `task` may run with the fewest bytes
/// alive, and in `live` these bytes: a minimum cut.
TaskSet findLeanest(const OrderGraph &graph, const Reach &reach, int task,
                    int64_t &live);

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERBOUND_H
