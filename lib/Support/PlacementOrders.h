//===- PlacementOrders.h - Local search over orders of slots ----*- C++ -*-===//
//
// Slots are placed in an order, first fit. The first one that would pass the
// capacity moves before one that lives at the same time, and placing goes on
// from there: what comes before has not changed. Slots that are hard to place
// so drift to the front ("squeaky wheel": Joslin and Clements, 1999; TelaMalloc
// does the like when it backtracks: Maas et al., 2022).
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_PLACEMENTORDERS_H
#define POCK_SUPPORT_PLACEMENTORDERS_H

#include "Placement.h"
#include <random>

namespace mlir::pock {

class PlacementOrders {
public:
  /// Begins with this order of all slots.
  PlacementOrders(llvm::ArrayRef<Slot> slots, SlotOrder order);

  /// True if it found a plan with a peak of at most `capacity`: that of
  /// `getPlan`. False if it looked at `work` slots without one. A next run goes
  /// on from the order of this one.
  bool run(int64_t capacity, int64_t work);

  Plan getPlan() const { return placement.getPlan(); }

  /// How many slots all runs have looked at.
  int64_t getWork() const { return placement.getWork(); }

private:
  void moveForward(size_t to);
  void updateRanks(size_t begin);

  llvm::ArrayRef<Slot> slots;
  SlotOrder order;
  SlotOrder ranks;  // of each slot in `order`
  size_t count = 0; // of the placed slots, the first ones of `order`
  Placement placement;
  std::minstd_rand random{1}; // whose numbers the standard says
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENTORDERS_H
