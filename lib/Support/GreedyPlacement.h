//===- GreedyPlacement.h - Strategies that place every slot once ----------===//
#ifndef POCK_SUPPORT_GREEDYPLACEMENT_H
#define POCK_SUPPORT_GREEDYPLACEMENT_H

#include "Placement.h"

namespace mlir::pock {

/// All slots in several orders, those first that are hard to place: what lives
/// longest; what is largest; what has most bytes times life; what meets the
/// most live bytes, by bytes times life and by life; what begins first; what
/// ends last.
llvm::SmallVector<SlotOrder, 0> hardestFirst(llvm::ArrayRef<Slot> slots);

/// The plans of all greedy strategies in a fixed order; it ends early with the
/// first one whose peak is at most `enough`. All slots must need bytes.
llvm::SmallVector<Plan, 0> placeGreedily(llvm::ArrayRef<Slot> slots,
                                         int64_t enough);

} // namespace mlir::pock

#endif // POCK_SUPPORT_GREEDYPLACEMENT_H
