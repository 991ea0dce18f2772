//===- GreedyPlacement.cpp - Strategies that place every slot once --------===//
//
// Two families of strategies. Orders: slots are sorted by a measure of how hard
// they are to place, and each takes the first or the best gap. (TensorFlow Lite
// and XLA sort by size; by breadth: Pisarchyk and Lee, "Efficient memory
// management for deep neural net inference", 2020.) Skylines: the arena is
// filled from below, and the lowest free stretch of time takes the slot that
// fits best (Sekiyama et al., "Profile-guided memory optimization for deep
// neural networks", 2018, after Burke's best fit for strip packing). Nested
// lifetimes, as in a training step, mostly leave no gap.
//
//===----------------------------------------------------------------------===//

#include "GreedyPlacement.h"
#include <numeric>
#include <tuple>

namespace mlir::pock {
namespace {

constexpr int64_t leastPlans = 6, stepLimit = 400'000'000;

/// The breadth of each slot: the maximum of live bytes during its life.
llvm::SmallVector<double, 0> breadths(llvm::ArrayRef<Slot> slots) {
  SlotOrder byBegin(slots.size());
  std::iota(byBegin.begin(), byBegin.end(), 0);
  llvm::stable_sort(byBegin, [&](uint32_t a, uint32_t b) {
    return slots[a].begin < slots[b].begin;
  });
  llvm::SmallVector<double, 0> result(slots.size(), 0);
  SlotOrder live;
  double bytes = 0;
  for (uint32_t now : byBegin) {
    // The maximum is reached when a slot begins.
    llvm::erase_if(live, [&](uint32_t slot) {
      bool dead = slots[slot].end <= slots[now].begin;
      bytes -= dead ? slots[slot].size : 0;
      return dead;
    });
    live.push_back(now);
    bytes += slots[now].size;
    for (uint32_t slot : live)
      result[slot] = std::max(result[slot], bytes);
  }
  return result;
}

/// The upper edge of the placed slots: heights over stretches of time.
class Skyline {
public:
  explicit Skyline(llvm::ArrayRef<Slot> slots) : slots(slots) {
    int64_t begin = slots.front().begin, end = slots.front().end;
    for (const Slot &slot : slots) {
      begin = std::min(begin, slot.begin);
      end = std::max(end, slot.end);
    }
    stretches.push_back({begin, end, 0});
  }

  /// Repeatedly fills the lowest stretch with the first slot of `order` that
  /// fits into its time. If none fits, lifts the stretch to its lower
  /// neighbour.
  Plan fill(SlotOrder order) {
    Plan plan;
    plan.offsets.assign(slots.size(), 0);
    while (!order.empty()) {
      auto lowest = std::min_element(
          stretches.begin(), stretches.end(),
          [](auto &a, auto &b) { return a.height < b.height; });
      auto next = llvm::find_if(order, [&](uint32_t slot) {
        return lowest->begin <= slots[slot].begin &&
               slots[slot].end <= lowest->end;
      });
      if (next == order.end()) {
        lift(lowest - stretches.begin());
        continue;
      }
      const Slot &slot = slots[*next];
      int64_t offset = alignUp(lowest->height, slot.align);
      plan.offsets[*next] = offset;
      plan.peak = std::max(plan.peak, offset + slot.size);
      cover(lowest - stretches.begin(), slot, offset + slot.size);
      order.erase(next);
    }
    return plan;
  }

private:
  struct Stretch {
    int64_t begin, end, height;
  };

  void lift(size_t i) {
    int64_t left = i > 0 ? stretches[i - 1].height : INT64_MAX;
    int64_t right =
        i + 1 < stretches.size() ? stretches[i + 1].height : INT64_MAX;
    stretches[i].height = std::min(left, right);
    if (right == stretches[i].height)
      join(i);
    if (left == stretches[i].height)
      join(i - 1);
  }

  /// Merges stretch `i` and the next one.
  void join(size_t i) {
    stretches[i].end = stretches[i + 1].end;
    stretches.erase(stretches.begin() + i + 1);
  }

  /// Raises the lifetime of `slot` within stretch `i` to `height`.
  void cover(size_t i, const Slot &slot, int64_t height) {
    Stretch old = stretches[i];
    stretches[i] = {slot.begin, slot.end, height};
    if (slot.end < old.end)
      stretches.insert(stretches.begin() + i + 1,
                       {slot.end, old.end, old.height});
    if (old.begin < slot.begin)
      stretches.insert(stretches.begin() + i,
                       {old.begin, slot.begin, old.height});
  }

  llvm::ArrayRef<Slot> slots;
  llvm::SmallVector<Stretch, 0> stretches;
};

} // namespace

llvm::SmallVector<SlotOrder, 0> hardestFirst(llvm::ArrayRef<Slot> slots) {
  llvm::SmallVector<double, 0> breadth = breadths(slots);
  auto size = [&](uint32_t i) { return static_cast<double>(slots[i].size); };
  auto begin = [&](uint32_t i) { return static_cast<double>(slots[i].begin); };
  auto end = [&](uint32_t i) { return static_cast<double>(slots[i].end); };
  auto life = [&](uint32_t i) { return end(i) - begin(i); };
  auto area = [&](uint32_t i) { return size(i) * life(i); };
  llvm::SmallVector<SlotOrder, 0> orders;
  // By decreasing keys; equal keys keep their order.
  auto add = [&](auto key) {
    SlotOrder &order = orders.emplace_back(slots.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::stable_sort(order,
                      [&](uint32_t a, uint32_t b) { return key(a) > key(b); });
  };
  add([&](uint32_t i) { return std::make_tuple(life(i), area(i)); });
  add([&](uint32_t i) { return std::make_tuple(size(i), life(i)); });
  add([&](uint32_t i) { return std::make_tuple(area(i), size(i)); });
  add([&](uint32_t i) { return std::make_tuple(breadth[i], area(i)); });
  add([&](uint32_t i) { return std::make_tuple(breadth[i], life(i)); });
  add([&](uint32_t i) { return std::make_tuple(-begin(i), size(i)); });
  add([&](uint32_t i) { return std::make_tuple(end(i), size(i)); });
  return orders;
}

llvm::SmallVector<Plan, 0> placeGreedily(llvm::ArrayRef<Slot> slots,
                                         int64_t enough) {
  llvm::SmallVector<Plan, 0> plans;
  if (slots.empty())
    return plans;
  // Returns true if `plan` is good enough to stop.
  auto add = [&](Plan plan) {
    plans.push_back(std::move(plan));
    return plans.back().peak <= enough;
  };
  // Each plan takes up to n^2 steps, so the number of plans is limited for many
  // slots.
  auto squared = static_cast<int64_t>(slots.size() * slots.size());
  auto most = static_cast<size_t>(std::max(leastPlans, stepLimit / squared));
  for (const SlotOrder &order : hardestFirst(slots)) {
    if (add(Skyline(slots).fill(order)) ||
        add(placeInOrder(slots, order, Fit::First)) ||
        add(placeInOrder(slots, order, Fit::Best)) || plans.size() >= most)
      break;
  }
  return plans;
}

} // namespace mlir::pock
