//===- PlacementSearch.h - Search for plans of a smaller peak -------------===//
#ifndef POCK_SUPPORT_PLACEMENTSEARCH_H
#define POCK_SUPPORT_PLACEMENTSEARCH_H

#include "MemoryPlanner.h"

namespace mlir::pock {

/// The result of a search, and the number of slots and moments it visited.
struct Improvement {
  Plan plan;
  int64_t work = 0;
};

/// The limit on the work of `improve`: it ends with the first step that exceeds
/// it.
int64_t searchLimit(size_t slots);

/// Searches for a plan with a smaller peak than all `plans`, down to `bound`,
/// and returns the best one. Deterministic: a count of steps, not a clock,
/// limits it. Sizes and lifetimes of slots must not be empty, and `plans` must
/// not be empty.
Improvement improve(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<Plan> plans,
                    int64_t bound);

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENTSEARCH_H
