//===- OrderExact.h - Exact search for the order with the least peak ------===//
#ifndef POCK_SUPPORT_ORDEREXACT_H
#define POCK_SUPPORT_ORDEREXACT_H

#include "OrderGraph.h"

namespace mlir::pock {

struct ExactOrder {
  /// Empty if no order has a peak below the limit, or none was found.
  llvm::SmallVector<int> tasks;
  /// A lower bound for all orders, or the limit if no order has a peak below
  /// it.
  int64_t bound = 0;
};

/// The order with the lowest peak, if that is below `limit`. Peaks up to
/// `floor` count as equal. Stops when `evaluations` are used up, and leaves the
/// rest in it. Looking for valleys (OrderMoves.h) visits fewer sets with more
/// effort for each.
ExactOrder findExactOrder(const OrderGraph &graph, int valleyEffort,
                          int64_t floor, int64_t limit, int64_t &evaluations);

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDEREXACT_H
