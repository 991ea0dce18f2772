//===- OrderBound.h - bounds that hold for every order --------------------===//
#ifndef POCK_SUPPORT_ORDERBOUND_H
#define POCK_SUPPORT_ORDERBOUND_H

#include "OrderGraph.h"

namespace mlir::pock {

/// For each task, the tasks that come before it, and those that come after it,
/// in every order.
struct Reach {
  explicit Reach(const OrderGraph &graph);
  llvm::SmallVector<TaskSet, 0> before, behind;
};

/// For each task, a number of bytes that are live while it runs in every order.
llvm::SmallVector<int64_t> findAlwaysLive(const OrderGraph &graph,
                                          const Reach &reach);

/// The set of finished tasks after which `task` can run with the fewest live
/// bytes, and in `live` these bytes. Computed as a minimum cut.
TaskSet findLeanest(const OrderGraph &graph, const Reach &reach, int task,
                    int64_t &live);

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERBOUND_H
