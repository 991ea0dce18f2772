//===- Placement.h - Slots put into an arena one after the other ----------===//
//
// What the strategies and the search of the memory planner share.
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

/// Which gap a slot takes: the lowest one, or the one it fills best.
enum class Fit { First, Best };

/// The slots that have an offset so far, sorted by it. Slots are known by their
/// indices; all of them must need bytes: no empty sizes or lifetimes.
class Placement {
public:
  explicit Placement(llvm::ArrayRef<Slot> slots) : slots(slots) {}

  /// The offset for `slot` in a gap between the placed slots that live at the
  /// same time, or above them all.
  int64_t findOffset(uint32_t slot, Fit fit = Fit::First);

  /// Puts `slot` there; the bytes must be free all its life.
  void put(uint32_t slot, int64_t offset);

  /// Takes out the slots for which `gone(slot)` holds.
  template <typename Predicate>
  void remove(Predicate gone) {
    work += placed.size();
    llvm::erase_if(placed,
                   [&](const Range &range) { return gone(range.slot); });
  }

  /// Calls `visit(slot)` for every placed slot that lives when `slot` does.
  template <typename Visitor>
  void visitConflicts(uint32_t slot, Visitor visit) {
    work += placed.size();
    for (const Range &range : placed)
      if (range.begin < slots[slot].end && slots[slot].begin < range.end)
        visit(range.slot);
  }

  /// Offsets of the placed slots; those of others are 0.
  Plan getPlan() const;

  /// How many placed slots were looked at so far: time that is the same on
  /// every machine.
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

/// All slots, the lowest ones of `plan` first. First fit in this order moves no
/// slot up.
SlotOrder orderOf(const Plan &plan);

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENT_H
