//===- MemoryPlanner.h - Offsets for buffers with known lifetimes ---------===//
//
// Works on numbers, without IR. The problem is dynamic storage allocation
// (strip packing with fixed x), which is NP-hard. Greedy strategies make plans,
// and a search improves the best ones until a plan reaches the lower bound or
// the number of steps is used up. Deterministic: it does not use a clock.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_MEMORYPLANNER_H
#define POCK_SUPPORT_MEMORYPLANNER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace mlir::pock {

/// A buffer of `size` bytes that is live during the half-open interval [begin,
/// end). A slot whose `end` is another's `begin` may share its bytes. Slots of
/// size zero or empty lifetime conflict with nothing. Offsets are multiples of
/// `align`; 0 counts as 1.
struct Slot {
  int64_t size = 0;
  int64_t align = 1;
  int64_t begin = 0;
  int64_t end = 0;
};

/// One offset per slot; `peak` is the largest end of a slot (0 if none).
struct Plan {
  llvm::SmallVector<int64_t> offsets;
  int64_t peak = 0;
};

/// Places all slots.
Plan plan(llvm::ArrayRef<Slot> slots);

/// Whether `plan` is valid: alignment holds, slots that are live at the same
/// time do not overlap, no offset is negative, and the peak is right.
bool verify(llvm::ArrayRef<Slot> slots, const Plan &plan);

/// A lower bound for the peak of all plans: the maximum of live bytes,
/// including the bytes that alignment adds between slots.
int64_t lowerBound(llvm::ArrayRef<Slot> slots);

} // namespace mlir::pock

#endif // POCK_SUPPORT_MEMORYPLANNER_H
