//===- Placement.cpp - Slots placed in an arena one by one ----------------===//
//
// One list of ranges in the order of their offsets. A gap is found in one pass,
// which stops at the first gap that is large enough.
//
//===----------------------------------------------------------------------===//

#include "Placement.h"
#include <limits>
#include <numeric>

namespace mlir::pock {

int64_t Placement::findOffset(uint32_t index, Fit fit) {
  const Slot &slot = slots[index];
  int64_t best = -1, leastWaste = std::numeric_limits<int64_t>::max();
  int64_t top = 0;    // Below it, no gap is large enough.
  int64_t offset = 0; // The first aligned offset from `top` on.
  const Range *range = placed.begin();
  for (; range != placed.end(); ++range) {
    if (range->begin >= slot.end || slot.begin >= range->end)
      continue;
    if (offset + slot.size <= range->bottom) {
      if (fit == Fit::First)
        break;
      int64_t waste = range->bottom - top - slot.size;
      if (waste < leastWaste) {
        leastWaste = waste;
        best = offset;
      }
    }
    if (range->top > top) {
      top = range->top;
      offset = alignUp(top, slot.align);
    }
  }
  work += range - placed.begin() + 1;
  return best >= 0 ? best : offset;
}

void Placement::put(uint32_t index, int64_t offset) {
  const Slot &slot = slots[index];
  auto at =
      llvm::upper_bound(placed, offset, [](int64_t value, const Range &range) {
        return value < range.bottom;
      });
  placed.insert(at, {slot.begin, slot.end, offset, offset + slot.size, index});
}

Plan Placement::getPlan() const {
  Plan plan;
  plan.offsets.assign(slots.size(), 0);
  for (const Range &range : placed) {
    plan.offsets[range.slot] = range.bottom;
    plan.peak = std::max(plan.peak, range.top);
  }
  return plan;
}

Plan placeInOrder(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<uint32_t> order,
                  Fit fit) {
  Placement placement(slots);
  for (uint32_t slot : order)
    placement.put(slot, placement.findOffset(slot, fit));
  return placement.getPlan();
}

SlotOrder orderOf(const Plan &plan) {
  SlotOrder order(plan.offsets.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](uint32_t a, uint32_t b) {
    return plan.offsets[a] < plan.offsets[b];
  });
  return order;
}

} // namespace mlir::pock
