//===- PlacementOrders.h - Local search over orders of slots ----*- C++ -*-===//
//
// Slots are placed in an order, by first fit. The first slot that would exceed
// the capacity moves before one that is live at the same time, and placement
// continues from there, because earlier slots have not changed. In this way,
// slots that are hard to place move to the front ("squeaky wheel": Joslin and
// Clements, 1999; TelaMalloc backtracks in a similar way: Maas et al., 2022).
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_PLACEMENTORDERS_H
#define POCK_SUPPORT_PLACEMENTORDERS_H

#include "Placement.h"
#include <random>

namespace mlir::pock {

class PlacementOrders {
public:
  /// Starts from this order of all slots.
  PlacementOrders(llvm::ArrayRef<Slot> slots, SlotOrder order);

  /// True if it found a plan with a peak of at most `capacity`, which `getPlan`
  /// returns. False if it visited `work` slots without finding one. The next
  /// run continues with the order of this one.
  bool run(int64_t capacity, int64_t work);

  Plan getPlan() const { return placement.getPlan(); }

  /// The number of slots that all runs have visited.
  int64_t getWork() const { return placement.getWork(); }

private:
  void moveForward(size_t to);
  void updateRanks(size_t begin);

  llvm::ArrayRef<Slot> slots;
  SlotOrder order;
  SlotOrder ranks;  // the position of each slot in `order`
  size_t count = 0; // the number of placed slots, the first ones of `order`
  Placement placement;
  std::minstd_rand random{1}; // the standard specifies its numbers
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENTORDERS_H
