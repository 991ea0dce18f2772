//===- Placement.h - Slots placed in an arena one by one ------------------===//
//
// Shared by the strategies and the search of the memory planner.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_PLACEMENT_H
#define POCK_SUPPORT_PLACEMENT_H

#include "MemoryPlanner.h"
#include "llvm/ADT/STLExtras.h"

namespace mlir::pock {

/// Indices of slots, in the order in which they are placed.
using SlotOrder = llvm::SmallVector<uint32_t, 0>;

/// The smallest multiple of `align` that is at least `value`.
inline int64_t alignUp(int64_t value, int64_t align) {
  return align <= 1 ? value : (value + align - 1) / align * align;
}

/// The gap for a slot: the lowest one, or the one with the smallest remainder.
enum class Fit { First, Best };

/// The placed slots, sorted by offset. Slots are given by their indices; their
/// sizes and lifetimes must not be empty.
class Placement {
public:
  explicit Placement(llvm::ArrayRef<Slot> slots) : slots(slots) {}

  /// The offset for `slot` in a gap between the placed slots that live at the
  /// same time, or above all of them.
  int64_t findOffset(uint32_t slot, Fit fit = Fit::First);

  /// Places `slot` at `offset`; its bytes must be free during its whole life.
  void put(uint32_t slot, int64_t offset);

  /// Removes the slots for which `gone(slot)` holds.
  template <typename Predicate>
  void remove(Predicate gone) {
    work += placed.size();
    llvm::erase_if(placed,
                   [&](const Range &range) { return gone(range.slot); });
  }

  /// Calls `visit(slot)` for every placed slot whose life overlaps that of
  /// `slot`.
  template <typename Visitor>
  void visitConflicts(uint32_t slot, Visitor visit) {
    work += placed.size();
    for (const Range &range : placed)
      if (range.begin < slots[slot].end && slots[slot].begin < range.end)
        visit(range.slot);
  }

  /// The offsets of the placed slots; other slots have offset 0.
  Plan getPlan() const;

  /// The number of placed slots that were visited so far: a measure of time
  /// that is the same on every machine.
  int64_t getWork() const { return work; }

private:
  struct Range {
    int64_t begin, end;  // of the lifetime
    int64_t bottom, top; // of the bytes
    uint32_t slot;
  };

  llvm::ArrayRef<Slot> slots;
  llvm::SmallVector<Range, 0> placed;
  int64_t work = 0;
};

/// Places the slots in this order.
Plan placeInOrder(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<uint32_t> order,
                  Fit fit = Fit::First);

/// All slots, sorted by their offset in `plan`. First fit in this order places
/// no slot at a higher offset.
SlotOrder orderOf(const Plan &plan);

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENT_H
