//===- GreedyPlacement.h - Strategies that place every slot once ----------===//
#ifndef POCK_SUPPORT_GREEDYPLACEMENT_H
#define POCK_SUPPORT_GREEDYPLACEMENT_H

#include "Placement.h"

namespace mlir::pock {

/// All slots in several orders, the hardest to place first: by lifetime; by
/// size; by bytes times lifetime; by breadth, then bytes times lifetime; by
/// breadth, then lifetime; by the earliest begin; by the latest end.
llvm::SmallVector<SlotOrder, 0> hardestFirst(llvm::ArrayRef<Slot> slots);

/// The plans of all greedy strategies in a fixed order. Stops at the first plan
/// whose peak is at most `enough`. All slots must need bytes.
llvm::SmallVector<Plan, 0> placeGreedily(llvm::ArrayRef<Slot> slots,
                                         int64_t enough);

} // namespace mlir::pock

#endif // POCK_SUPPORT_GREEDYPLACEMENT_H
