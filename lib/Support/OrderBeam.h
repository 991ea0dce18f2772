//===- OrderBeam.h - Beam search over sets of done tasks ------------------===//
#ifndef POCK_SUPPORT_ORDERBEAM_H
#define POCK_SUPPORT_ORDERBEAM_H

#include "OrderGraph.h"

namespace mlir::pock {

/// The preference of a beam among sets with the same number of done tasks.
enum class Prefer {
  /// The lowest peak so far, then the fewest live bytes.
  LowPeak,
  /// The fewest live bytes.
  FewBytes,
};

/// Finds an order whose peak is less than `limit` by a beam search, which keeps
/// `width` sets of done tasks of each size. Empty if it finds none, or if
/// `evaluations` are used up. Peaks up to `floor` count as equal. A width of
/// one is list scheduling.
llvm::SmallVector<int> findByBeam(const OrderGraph &graph, int width,
                                  Prefer prefer, int64_t floor, int64_t limit,
                                  int64_t &evaluations);

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERBEAM_H
