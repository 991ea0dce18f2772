//===- OrderBeam.h - Search that follows the most promising sets ----------===//
#ifndef POCK_SUPPORT_ORDERBEAM_H
#define POCK_SUPPORT_ORDERBEAM_H

#include "OrderGraph.h"

namespace mlir::pock {

/// What a beam prefers among sets with the same number of done tasks.
enum class Prefer {
  /// The least peak so far, then the fewest bytes alive.
  LowPeak,
  /// The fewest bytes alive.
  FewBytes,
};

/// An order whose peak is less than `limit`, found by following `width` sets of
/// done tasks of each size; empty if there is none among them, or when
/// `evaluations` have been used. Peaks up to `floor` are all the same. A width
/// of one is list scheduling.
llvm::SmallVector<int> findByBeam(const OrderGraph &graph, int width,
                                  Prefer prefer, int64_t floor, int64_t limit,
                                  int64_t &evaluations);

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERBEAM_H
