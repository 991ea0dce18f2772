//===- PlacementSearch.h - Local search over orders of slots --------------===//
#ifndef POCK_SUPPORT_PLACEMENTSEARCH_H
#define POCK_SUPPORT_PLACEMENTSEARCH_H

#include "MemoryPlanner.h"

namespace mlir::pock {

/// Looks for a plan with a smaller peak than all of `plans`, down to `bound`,
/// and returns the best one. Deterministic; what it may look at is bounded by a
/// count that grows with the number of slots, not by a clock. All slots must
/// need bytes, and there must be a plan.
Plan improve(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<Plan> plans,
             int64_t bound);

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENTSEARCH_H
