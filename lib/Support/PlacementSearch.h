//===- PlacementSearch.h - Search for plans of a smaller peak -------------===//
#ifndef POCK_SUPPORT_PLACEMENTSEARCH_H
#define POCK_SUPPORT_PLACEMENTSEARCH_H

#include "MemoryPlanner.h"

namespace mlir::pock {

/// What a search found, and how many slots and moments it looked at.
struct Improvement {
  Plan plan;
  int64_t work = 0;
};

/// How much `improve` looks at: it ends with the first step that passes this.
int64_t searchLimit(size_t slots);

/// Looks for a plan with a smaller peak than all of `plans`, down to `bound`,
/// and returns the best one. Deterministic, and limited by what it looks at,
/// not by a clock. All slots must need bytes, and there must be a plan.
Improvement improve(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<Plan> plans,
                    int64_t bound);

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENTSEARCH_H
