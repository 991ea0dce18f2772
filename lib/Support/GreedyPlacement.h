//===- GreedyPlacement.h - Strategies that place every slot once ----------===//
#ifndef POCK_SUPPORT_GREEDYPLACEMENT_H
#define POCK_SUPPORT_GREEDYPLACEMENT_H

#include "MemoryPlanner.h"

namespace mlir::pock {

/// The plans of all greedy strategies in a fixed order; it ends early with the
/// first one whose peak is at most `enough`. All slots must need bytes.
llvm::SmallVector<Plan, 0> placeGreedily(llvm::ArrayRef<Slot> slots,
                                         int64_t enough);

} // namespace mlir::pock

#endif // POCK_SUPPORT_GREEDYPLACEMENT_H
