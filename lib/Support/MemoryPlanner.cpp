//===- MemoryPlanner.cpp - Offsets for buffers with known lifetimes -------===//
//
// Takes the best greedy plan, and improves it by a search if it is above the
// bound.
//
//===----------------------------------------------------------------------===//

#include "MemoryPlanner.h"
#include "GreedyPlacement.h"
#include "Placement.h"
#include "PlacementSearch.h"
#include <map>
#include <set>
#include <tuple>

namespace mlir::pock {

static bool occupies(const Slot &slot) {
  return slot.size > 0 && slot.begin < slot.end;
}

Plan plan(llvm::ArrayRef<Slot> slots) {
  llvm::SmallVector<Slot, 0> occupied;
  for (const Slot &slot : slots)
    if (occupies(slot))
      occupied.push_back(slot);
  Plan result;
  result.offsets.assign(slots.size(), 0);
  if (occupied.empty())
    return result;
  int64_t bound = lowerBound(occupied);
  Plan best = improve(occupied, placeGreedily(occupied, bound), bound).plan;
  const int64_t *offset = best.offsets.begin();
  for (auto [slot, to] : llvm::zip(slots, result.offsets))
    if (occupies(slot))
      to = *offset++;
  result.peak = best.peak;
  return result;
}

bool verify(llvm::ArrayRef<Slot> slots, const Plan &plan) {
  if (plan.offsets.size() != slots.size())
    return false;
  int64_t peak = 0;
  // Releases come first: lifetimes are half open.
  llvm::SmallVector<std::tuple<int64_t, bool, size_t>, 0> events;
  for (auto [i, slot] : llvm::enumerate(slots)) {
    if (!occupies(slot))
      continue;
    int64_t offset = plan.offsets[i];
    if (offset < 0 || offset % std::max<int64_t>(1, slot.align) != 0)
      return false;
    peak = std::max(peak, offset + slot.size);
    events.push_back({slot.begin, true, i});
    events.push_back({slot.end, false, i});
  }
  llvm::sort(events);
  // The live slots, from offset to end. No two of them overlap, so a new slot
  // overlaps its neighbours or none.
  std::map<int64_t, int64_t> live;
  for (auto [time, begins, i] : events) {
    int64_t begin = plan.offsets[i], end = begin + slots[i].size;
    if (!begins) {
      live.erase(begin);
      continue;
    }
    auto above = live.lower_bound(begin);
    if ((above != live.end() && above->first < end) ||
        (above != live.begin() && std::prev(above)->second > begin))
      return false;
    live[begin] = end;
  }
  return peak == plan.peak;
}

/// The bytes that live slots with alignment of at least `align` need: after
/// each slot but the topmost, the next one begins at a multiple of `align`.
static int64_t boundAt(llvm::ArrayRef<Slot> slots, int64_t align) {
  struct Event {
    int64_t time;
    bool begins;
    int64_t size;
  };
  llvm::SmallVector<Event, 0> events;
  for (const Slot &slot : slots)
    if (occupies(slot) && std::max<int64_t>(1, slot.align) % align == 0) {
      events.push_back({slot.begin, true, slot.size});
      events.push_back({slot.end, false, slot.size});
    }
  // At equal times the releases come first: lifetimes are half open.
  llvm::sort(events, [](const Event &a, const Event &b) {
    return std::tie(a.time, a.begins) < std::tie(b.time, b.begins);
  });
  // Live slots, sorted by the bytes that rounding adds.
  std::map<int64_t, int64_t> paddings;
  int64_t live = 0, most = 0;
  for (const Event &event : events) {
    int64_t rounded = alignUp(event.size, align);
    auto padding = paddings.try_emplace(rounded - event.size, 0).first;
    padding->second += event.begins ? 1 : -1;
    if (padding->second == 0)
      paddings.erase(padding);
    live += event.begins ? rounded : -rounded;
    if (!paddings.empty())
      most = std::max(most, live - paddings.rbegin()->first);
  }
  return most;
}

int64_t lowerBound(llvm::ArrayRef<Slot> slots) {
  std::set<int64_t> alignments;
  for (const Slot &slot : slots)
    if (occupies(slot))
      alignments.insert(std::max<int64_t>(1, slot.align));
  int64_t most = 0;
  for (int64_t align : alignments)
    most = std::max(most, boundAt(slots, align));
  return most;
}

} // namespace mlir::pock
