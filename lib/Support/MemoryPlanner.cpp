//===- MemoryPlanner.cpp - Offsets for buffers with known lifetimes -------===//
//
// Each strategy takes the slots in some order and puts each into a gap between
// those already placed that live at the same time. Cost: O(n^2 log n) each.
//
//===----------------------------------------------------------------------===//

#include "MemoryPlanner.h"
#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

namespace mlir::pock {
namespace {

bool occupies(const Slot &slot) {
  return slot.size > 0 && slot.begin < slot.end;
}

bool conflict(const Slot &a, const Slot &b) {
  return occupies(a) && occupies(b) && a.begin < b.end && b.begin < a.end;
}

int64_t alignUp(int64_t value, int64_t align) {
  return align <= 1 ? value : (value + align - 1) / align * align;
}

enum class Fit { First, Best };

/// The offset for `slot` among `taken`, the [offset, end) ranges that it must
/// avoid, sorted by offset.
int64_t findOffset(const Slot &slot,
                   llvm::ArrayRef<std::pair<int64_t, int64_t>> taken, Fit fit) {
  int64_t best = -1, bestWaste = std::numeric_limits<int64_t>::max();
  int64_t top = 0; // Everything below is taken or was too small.
  for (auto [begin, end] : taken) {
    int64_t offset = alignUp(top, slot.align);
    if (offset + slot.size <= begin) {
      if (fit == Fit::First)
        return offset;
      int64_t waste = begin - top - slot.size;
      if (waste < bestWaste) {
        bestWaste = waste;
        best = offset;
      }
    }
    top = std::max(top, end);
  }
  return best >= 0 ? best : alignUp(top, slot.align);
}

Plan placeInOrder(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<size_t> order,
                  Fit fit) {
  Plan result;
  result.offsets.assign(slots.size(), 0);
  // Placed slots, sorted by offset.
  llvm::SmallVector<size_t> placed;
  llvm::SmallVector<std::pair<int64_t, int64_t>> taken;
  for (size_t i : order) {
    if (!occupies(slots[i]))
      continue;
    taken.clear();
    for (size_t j : placed)
      if (conflict(slots[i], slots[j]))
        taken.push_back({result.offsets[j], result.offsets[j] + slots[j].size});
    int64_t offset = findOffset(slots[i], taken, fit);
    result.offsets[i] = offset;
    result.peak = std::max(result.peak, offset + slots[i].size);
    auto at = std::upper_bound(
        placed.begin(), placed.end(), offset,
        [&](int64_t value, size_t j) { return value < result.offsets[j]; });
    placed.insert(at, i);
  }
  return result;
}

} // namespace

Plan plan(llvm::ArrayRef<Slot> slots) {
  using Key = std::function<double(const Slot &)>;
  // Larger keys first.
  const Key keys[] = {
      [](const Slot &s) { return double(s.size); },
      [](const Slot &s) { return double(s.size) * double(s.end - s.begin); },
      [](const Slot &s) { return double(s.end - s.begin); },
      [](const Slot &s) { return -double(s.begin); },
      [](const Slot &s) { return double(s.end); },
  };
  int64_t bound = lowerBound(slots);
  Plan best;
  bool first = true;
  for (const Key &key : keys) {
    llvm::SmallVector<size_t> order(slots.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      double ka = key(slots[a]), kb = key(slots[b]);
      return ka != kb ? ka > kb : slots[a].size > slots[b].size;
    });
    for (Fit fit : {Fit::First, Fit::Best}) {
      Plan candidate = placeInOrder(slots, order, fit);
      if (first || candidate.peak < best.peak)
        best = std::move(candidate);
      first = false;
      if (best.peak <= bound)
        return best;
    }
  }
  return best;
}

bool verify(llvm::ArrayRef<Slot> slots, const Plan &plan) {
  if (plan.offsets.size() != slots.size())
    return false;
  int64_t peak = 0;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!occupies(slots[i]))
      continue;
    int64_t offset = plan.offsets[i];
    if (offset < 0 || offset % std::max<int64_t>(1, slots[i].align) != 0)
      return false;
    peak = std::max(peak, offset + slots[i].size);
    for (size_t j = 0; j < i; ++j)
      if (conflict(slots[i], slots[j]) &&
          offset < plan.offsets[j] + slots[j].size &&
          plan.offsets[j] < offset + slots[i].size)
        return false;
  }
  return peak == plan.peak;
}

int64_t lowerBound(llvm::ArrayRef<Slot> slots) {
  llvm::SmallVector<std::pair<int64_t, int64_t>> events;
  for (const Slot &slot : slots)
    if (occupies(slot)) {
      events.push_back({slot.begin, slot.size});
      events.push_back({slot.end, -slot.size});
    }
  // At equal times the releases come first: lifetimes are half open.
  std::sort(events.begin(), events.end());
  int64_t live = 0, most = 0;
  for (auto [time, delta] : events)
    most = std::max(most, live += delta);
  return most;
}

} // namespace mlir::pock
