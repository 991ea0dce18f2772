//===- PlacementSolver.cpp - Exact search for a plan of some capacity -----===//
//
// The search does not recurse, because a plan may have too many slots for a
// thread's stack.
//
//===----------------------------------------------------------------------===//

#include "PlacementSolver.h"
#include "Placement.h"
#include <limits>
#include <numeric>
#include <tuple>

namespace mlir::pock {
namespace {

constexpr int64_t none = std::numeric_limits<int64_t>::max();

} // namespace

PlacementSolver::PlacementSolver(llvm::ArrayRef<Slot> slots,
                                 llvm::ArrayRef<uint32_t> preference) {
  for (uint32_t slot : preference) {
    int64_t align = std::max<int64_t>(1, slots[slot].align);
    grain = items.empty() ? align : std::gcd(grain, align);
    items.push_back({slot, 0, 0, slots[slot].size, 0, align, 0, false});
  }
  for (Item &item : items)
    item.rounded = alignUp(item.size, grain);
  setMoments(slots);
  for (auto [index, item] : llvm::enumerate(items))
    for (uint32_t now = item.begin; now < item.end; ++now)
      live[now].push_back(index);
}

/// Numbers the moments, and sets the lifetimes of items.
void PlacementSolver::setMoments(llvm::ArrayRef<Slot> slots) {
  // Releases come first: lifetimes are half open.
  llvm::SmallVector<std::tuple<int64_t, bool, uint32_t>, 0> events;
  for (auto [index, item] : llvm::enumerate(items)) {
    events.push_back({slots[item.slot].begin, true, index});
    events.push_back({slots[item.slot].end, false, index});
  }
  llvm::sort(events);
  uint32_t moments = 0;
  bool begun = false; // Whether a slot began since the last moment.
  for (auto [time, begins, index] : events) {
    if (begins) {
      items[index].begin = moments;
    } else {
      moments += begun;
      items[index].end = moments;
    }
    begun = begins;
  }
  live.resize(moments);
}

/// Removes all items from the arena.
void PlacementSolver::reset() {
  rest.assign(live.size(), 0);
  floors.assign(live.size(), 0);
  for (Item &item : items) {
    item.offset = 0;
    item.placed = false;
    for (uint32_t now = item.begin; now < item.end; ++now)
      rest[now] += item.rounded;
  }
  left = items.size();
  last = first = 0;
  levels.clear();
  candidates.clear();
  oldOffsets.clear();
  oldFloors.clear();
}

PlacementSolver::Verdict PlacementSolver::run(int64_t capacity, int64_t work) {
  this->capacity = capacity;
  int64_t end = this->work + work;
  reset();
  enterLevel();
  while (left > 0) {
    if (this->work > end)
      return Verdict::Unknown;
    Level &level = levels.back();
    takeBack(level);
    if (level.next == candidates.size()) {
      candidates.truncate(level.candidates);
      levels.pop_back();
      if (levels.empty())
        return Verdict::DoesNotFit;
      continue;
    }
    place(level, candidates[level.next++]);
    enterLevel();
  }
  return Verdict::Fits;
}

/// Adds a level, which chooses the next item.
void PlacementSolver::enterLevel() {
  levels.push_back({candidates.size(), candidates.size(), oldOffsets.size(),
                    oldFloors.size(), last, first, std::nullopt});
  if (!findCandidates())
    candidates.truncate(levels.back().candidates);
}

/// Pushes the candidates for the next item; false if the remaining items cannot
/// fit.
bool PlacementSolver::findCandidates() {
  work += items.size() + rest.size();
  // If an item would begin at or above the possible end of another one, the
  // other one fits below it, and comes first.
  int64_t limit = none;
  for (const Item &item : items) {
    if (item.placed)
      continue;
    if (std::max(item.offset, last) + item.size > capacity)
      return false;
    limit = std::min(limit, item.offset + item.size);
  }
  // The topmost item needs no rounding.
  int64_t rounded = alignUp(capacity, grain);
  for (auto [bytes, floor] : llvm::zip_equal(rest, floors))
    if (bytes > 0 && std::max(floor, last) + bytes > rounded)
      return false;
  size_t begin = candidates.size();
  for (auto [index, item] : llvm::enumerate(items))
    if (!item.placed && item.offset < limit &&
        (item.offset > last || (item.offset == last && index >= first)))
      candidates.push_back(index);
  std::sort(candidates.begin() + begin, candidates.end(),
            [&](uint32_t a, uint32_t b) {
              return std::make_pair(items[a].offset, a) <
                     std::make_pair(items[b].offset, b);
            });
  return true;
}

/// Places an item at its least offset, and raises the least offsets of items
/// that are now above it.
void PlacementSolver::place(Level &level, uint32_t index) {
  Item &chosen = items[index];
  chosen.placed = true;
  --left;
  level.item = index;
  last = chosen.offset;
  first = index + 1;
  for (uint32_t now = chosen.begin; now < chosen.end; ++now)
    rest[now] -= chosen.rounded;
  int64_t top = chosen.offset + chosen.size;
  for (auto [other, item] : llvm::enumerate(items)) {
    if (item.placed || item.begin >= chosen.end || chosen.begin >= item.end)
      continue;
    int64_t offset = alignUp(top, item.align);
    if (item.offset < offset) {
      oldOffsets.push_back({static_cast<uint32_t>(other), item.offset});
      item.offset = offset;
    }
  }
  work += items.size();
  raiseFloors(chosen, chosen.offset);
  for (size_t i = level.offsets; i < oldOffsets.size(); ++i)
    raiseFloors(items[oldOffsets[i].index], oldOffsets[i].old);
}

/// Updates the floors that were equal to the `old` offset of `item`.
void PlacementSolver::raiseFloors(const Item &item, int64_t old) {
  work += item.end - item.begin;
  for (uint32_t now = item.begin; now < item.end; ++now) {
    if (floors[now] != old)
      continue;
    int64_t floor = none;
    for (uint32_t index : live[now]) {
      ++work;
      if (!items[index].placed)
        floor = std::min(floor, items[index].offset);
      if (floor == old)
        break; // Floors only rise.
    }
    if (floor == none)
      floor = old; // No item is left at this moment.
    if (floor != old) {
      oldFloors.push_back({now, old});
      floors[now] = floor;
    }
  }
}

/// Removes the level's item, if it has one.
void PlacementSolver::takeBack(Level &level) {
  if (!level.item)
    return;
  Item &item = items[*level.item];
  item.placed = false;
  ++left;
  level.item.reset();
  last = level.last;
  first = level.first;
  for (uint32_t now = item.begin; now < item.end; ++now)
    rest[now] += item.rounded;
  for (; oldOffsets.size() > level.offsets; oldOffsets.pop_back())
    items[oldOffsets.back().index].offset = oldOffsets.back().old;
  for (; oldFloors.size() > level.floors; oldFloors.pop_back())
    floors[oldFloors.back().index] = oldFloors.back().old;
}

Plan PlacementSolver::getPlan() const {
  Plan plan;
  plan.offsets.assign(items.size(), 0);
  for (const Item &item : items) {
    plan.offsets[item.slot] = item.offset;
    plan.peak = std::max(plan.peak, item.offset + item.size);
  }
  return plan;
}

} // namespace mlir::pock
