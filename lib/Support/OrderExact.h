//===- OrderExact.h - Exact search for the order with the least peak ------===//
#ifndef POCK_SUPPORT_ORDEREXACT_H
#define POCK_SUPPORT_ORDEREXACT_H

#include "OrderGraph.h"

namespace mlir::pock {

struct ExactOrder {
  /// Empty if no order has a peak below the limit, or none was found.
  llvm::SmallVector<int> tasks;
  /// No order has a smaller peak, or none below the limit is there.
  int64_t bound = 0;
};

/// The order with the least peak if that is less than `limit`; peaks up to
/// `floor` are all the same. Gives up when `evaluations` have been used, of
/// which the rest is left in it. Looking for valleys (OrderMoves.h) means fewer
/// sets, and more effort for each.
ExactOrder findExactOrder(const OrderGraph &graph, int valleyEffort,
                          int64_t floor, int64_t limit, int64_t &evaluations);

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDEREXACT_H
