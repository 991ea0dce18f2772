//===- PlacementOrders.cpp - Local search over orders of slots ----------===//

#include "PlacementOrders.h"

namespace mlir::pock {

PlacementOrders::PlacementOrders(llvm::ArrayRef<Slot> slots, SlotOrder order)
    : slots(slots), order(std::move(order)), ranks(slots.size()),
      placement(slots) {
  updateRanks(0);
}

bool PlacementOrders::run(int64_t capacity, int64_t work) {
  int64_t end = placement.getWork() + work;
  placement.remove([](uint32_t) { return true; });
  count = 0;
  llvm::SmallVector<uint32_t> blockers;
  while (count < order.size()) {
    if (placement.getWork() > end)
      return false;
    uint32_t slot = order[count];
    int64_t offset = placement.findOffset(slot);
    if (offset + slots[slot].size <= capacity) {
      placement.put(slot, offset);
      ++count;
      continue;
    }
    blockers.clear();
    placement.visitConflicts(
        slot, [&](uint32_t other) { blockers.push_back(ranks[other]); });
    if (blockers.empty())
      return false; // The slot is larger than the capacity.
    moveForward(blockers[random() % blockers.size()]);
  }
  return true;
}

/// Moves the next slot to position `to` of the order, and removes the slots
/// that were placed from there on.
void PlacementOrders::moveForward(size_t to) {
  std::rotate(order.begin() + to, order.begin() + count,
              order.begin() + count + 1);
  updateRanks(to);
  placement.remove([&](uint32_t slot) { return ranks[slot] >= to; });
  count = to;
}

void PlacementOrders::updateRanks(size_t begin) {
  for (size_t i = begin; i < order.size(); ++i)
    ranks[order[i]] = i;
}

} // namespace mlir::pock
