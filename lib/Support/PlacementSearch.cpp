//===- PlacementSearch.cpp - Local search over orders of slots ------------===//
//
// Slots are placed in an order, first fit. The first one that would pass the
// capacity moves before one that lives at the same time, and placing goes on
// from there: what comes before has not changed. Slots that are hard to place
// so drift to the front ("squeaky wheel", Joslin and Clements, 1999; TelaMalloc
// does the same with its backtracking, Maas et al., 2022). A capacity that was
// reached gives way to a smaller one.
//
//===----------------------------------------------------------------------===//

#include "PlacementSearch.h"
#include "Placement.h"
#include <random>

namespace mlir::pock {
namespace {

/// How many of the plans the search starts from, how many capacities it tries
/// from each, and what it may look at for each capacity, per slot.
constexpr size_t seedCount = 4;
constexpr int roundCount = 6;
constexpr int64_t workPerSlot = 4000;

/// Tries to place all slots below a capacity by changing their order.
class OrderSearch {
public:
  OrderSearch(llvm::ArrayRef<Slot> slots, SlotOrder order)
      : slots(slots), order(std::move(order)), rank(slots.size()) {
    updateRanks(0);
  }

  /// True if all slots end at or below `capacity`: `getPlan` says how. False
  /// if that has not been found after looking at `work` slots.
  bool run(int64_t capacity, int64_t work);

  Plan getPlan() const { return placement.getPlan(); }

private:
  void updateRanks(size_t begin) {
    for (size_t i = begin; i < order.size(); ++i)
      rank[order[i]] = i;
  }

  llvm::ArrayRef<Slot> slots;
  SlotOrder order;
  SlotOrder rank; // of each slot in `order`
  Placement placement{slots};
  size_t count = 0; // of placed slots, the first ones of `order`
  std::minstd_rand random{1};
};

} // namespace

bool OrderSearch::run(int64_t capacity, int64_t work) {
  int64_t end = placement.getWork() + work;
  count = 0;
  placement.remove([](uint32_t) { return true; });
  llvm::SmallVector<uint32_t> blockers;
  while (count < order.size()) {
    uint32_t slot = order[count];
    int64_t offset = placement.findOffset(slot);
    if (offset + slots[slot].size <= capacity) {
      placement.put(slot, offset);
      ++count;
      continue;
    }
    if (placement.getWork() > end)
      return false;
    blockers.clear();
    placement.visitConflicts(
        slot, [&](uint32_t other) { blockers.push_back(rank[other]); });
    if (blockers.empty())
      return false;
    size_t to = blockers[random() % blockers.size()];
    std::rotate(order.begin() + to, order.begin() + count,
                order.begin() + count + 1);
    updateRanks(to);
    placement.remove([&](uint32_t other) { return rank[other] >= to; });
    count = to;
  }
  return true;
}

Plan improve(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<Plan> plans,
             int64_t bound) {
  llvm::SmallVector<const Plan *> seeds =
      llvm::to_vector(llvm::make_pointer_range(plans));
  llvm::stable_sort(
      seeds, [](const Plan *a, const Plan *b) { return a->peak < b->peak; });
  Plan best = *seeds.front();
  if (seeds.size() > seedCount)
    seeds.truncate(seedCount);
  int64_t work = workPerSlot * static_cast<int64_t>(slots.size());
  for (const Plan *seed : seeds) {
    OrderSearch search(slots, orderOf(*seed));
    // Nothing at or below this is hoped for any more.
    int64_t given = bound - 1;
    int64_t capacity = bound;
    for (int round = 0;
         round < roundCount && best.peak > bound && given < best.peak - 1;
         ++round) {
      if (search.run(capacity, work)) {
        best = search.getPlan();
      } else {
        given = capacity;
      }
      capacity = given + (best.peak - given) / 2;
    }
  }
  return best;
}

} // namespace mlir::pock
