//===- MemoryPlannerPropertyTest.cpp - What holds for every plan ----------===//

#include "GreedyPlacement.h"
#include "MemoryPlanner.h"
#include "PlacementOrders.h"
#include "PlacementSearch.h"
#include "PlacementSolver.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <numeric>
#include <random>

using namespace mlir::pock;

namespace {

using Slots = llvm::SmallVector<Slot, 0>;
using Verdict = PlacementSolver::Verdict;

class Draw {
public:
  explicit Draw(unsigned seed) : random(seed) {}

  /// A number in [low, high].
  int64_t number(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % (high - low + 1));
  }

  /// Lifetimes anywhere, sizes of several orders of magnitude.
  Slots intervals(int64_t count, int64_t align) {
    Slots slots;
    for (int64_t i = 0; i < count; ++i) {
      int64_t begin = number(0, count / 2);
      slots.push_back({number(1, int64_t(1) << number(1, 20)), align, begin,
                       begin + number(1, 2 + count / 6)});
    }
    return slots;
  }

  /// As in training: the forward pass allocates what the backward pass frees in
  /// reverse, and each step has scratch.
  Slots nested(int64_t layers, int64_t align) {
    Slots slots;
    for (int64_t i = 0; i < layers; ++i) {
      int64_t back = 2 * layers - i;
      if (number(0, 2) > 0)
        slots.push_back({number(1, 100'000), align, i, back + 1});
      slots.push_back({number(1, 200'000), align, i, i + number(1, 3)});
      slots.push_back({number(1, 200'000), align, back, back + number(1, 4)});
    }
    return slots;
  }

  /// Few different sizes.
  Slots equalSizes(int64_t count, int64_t align) {
    Slots slots = intervals(count, align);
    for (Slot &slot : slots)
      slot.size = number(1, 3) * 1000;
    return slots;
  }

  /// All of that, and every slot with its own alignment.
  std::vector<Slots> all(int64_t count) {
    std::vector<Slots> result = {
        intervals(count, 1),       intervals(count, 64),
        nested(count / 3 + 1, 64), nested(count / 3 + 1, 4),
        equalSizes(count, 16),     intervals(count, 1)};
    for (Slot &slot : result.back())
      slot.align = int64_t(1) << number(0, 7);
    return result;
  }

private:
  std::mt19937 random;
};

/// The least peak. Some order of the slots gives it when each is put upon those
/// before it that live at the same time: that of the offsets in a best plan.
int64_t bruteForce(const Slots &slots) {
  llvm::SmallVector<size_t> order(slots.size());
  std::iota(order.begin(), order.end(), 0);
  int64_t best = INT64_MAX;
  do {
    llvm::SmallVector<int64_t> ends(slots.size(), 0);
    int64_t peak = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      const Slot &slot = slots[order[i]];
      int64_t offset = 0;
      for (size_t j = 0; j < i; ++j) {
        const Slot &below = slots[order[j]];
        if (slot.begin < below.end && below.begin < slot.end)
          offset = std::max(offset, ends[order[j]]);
      }
      offset = (offset + slot.align - 1) / slot.align * slot.align;
      ends[order[i]] = offset + slot.size;
      peak = std::max(peak, ends[order[i]]);
    }
    best = std::min(best, peak);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

TEST(MemoryPlannerProperty, PlansAreValidAndRepeatable) {
  Draw draw(1);
  for (int64_t count : {1, 2, 5, 20, 40, 150})
    for (const Slots &slots : draw.all(count)) {
      Plan found = plan(slots);
      EXPECT_TRUE(verify(slots, found));
      EXPECT_GE(found.peak, lowerBound(slots));
      EXPECT_EQ(found.offsets, plan(slots).offsets);
    }
}

TEST(MemoryPlannerProperty, SmallPlansAreOptimal) {
  Draw draw(2);
  for (int round = 0; round < 60; ++round)
    for (const Slots &slots : draw.all(draw.number(1, 6))) {
      if (slots.size() > 7)
        continue;
      int64_t best = bruteForce(slots);
      EXPECT_LE(lowerBound(slots), best);
      EXPECT_EQ(plan(slots).peak, best);
    }
}

TEST(MemoryPlannerProperty, NoStrategyIsBetter) {
  Draw draw(3);
  for (int64_t count : {10, 60, 200})
    for (const Slots &slots : draw.all(count)) {
      int64_t peak = plan(slots).peak;
      for (const Plan &other : placeGreedily(slots, 0)) {
        EXPECT_TRUE(verify(slots, other));
        EXPECT_LE(peak, other.peak);
      }
    }
}

TEST(MemoryPlannerProperty, NestedLifetimesReachTheBound) {
  Draw draw(4);
  for (int64_t layers : {10, 30, 60}) {
    Slots slots = draw.nested(layers, 64);
    EXPECT_EQ(plan(slots).peak, lowerBound(slots)) << layers << " layers";
  }
}

TEST(MemoryPlannerProperty, GreedyPlansAreAllMadeUnlessOneIsEnough) {
  Draw draw(5);
  Slots slots = draw.intervals(30, 1);
  EXPECT_EQ(placeGreedily(slots, 0).size(), 3 * hardestFirst(slots).size());
  EXPECT_EQ(placeGreedily(slots, INT64_MAX).size(), 1u);
  EXPECT_TRUE(placeGreedily({}, 0).empty());
}

TEST(MemoryPlannerProperty, SearchIsLimitedByWhatItLooksAt) {
  Draw draw(6);
  for (int64_t count : {50, 400, 1000}) {
    // No plan has a peak of 1: nothing but the limit ends the search early.
    Slots slots = draw.intervals(count, 64);
    Improvement found = improve(slots, placeGreedily(slots, 0), 1);
    EXPECT_TRUE(verify(slots, found.plan));
    // One step more may look at all slots at all moments.
    EXPECT_LE(found.work, 1.1 * searchLimit(count) + 100.0 * count * count);
  }
}

TEST(PlacementSolver, ProvesWhatIsLeast) {
  Draw draw(7);
  for (int round = 0; round < 60; ++round)
    for (const Slots &slots : draw.all(draw.number(1, 6))) {
      if (slots.size() > 7)
        continue;
      int64_t best = bruteForce(slots);
      for (const SlotOrder &order : hardestFirst(slots)) {
        PlacementSolver solver(slots, order);
        ASSERT_EQ(solver.run(best, 1'000'000), Verdict::Fits);
        EXPECT_TRUE(verify(slots, solver.getPlan()));
        EXPECT_EQ(solver.getPlan().peak, best);
        EXPECT_EQ(solver.run(best - 1, 1'000'000), Verdict::DoesNotFit);
      }
    }
}

TEST(PlacementSolver, SaysThatItGaveUp) {
  Draw draw(8);
  Slots slots = draw.intervals(60, 1);
  PlacementSolver solver(slots, hardestFirst(slots).front());
  EXPECT_EQ(solver.run(lowerBound(slots), 100), Verdict::Unknown);
  EXPECT_LE(solver.getWork(), 1000);
}

TEST(PlacementOrders, ReachesACapacityByReordering) {
  // First fit as given puts the second slot on the first one, and then the
  // third one has no room of its size below it.
  Slot slots[] = {{10, 1, 0, 2}, {10, 1, 1, 4}, {20, 1, 3, 6}};
  SlotOrder order = {0, 1, 2};
  EXPECT_EQ(placeInOrder(slots, order, Fit::First).peak, 40);
  PlacementOrders search(slots, order);
  EXPECT_TRUE(search.run(30, 1000));
  EXPECT_TRUE(verify(slots, search.getPlan()));
  EXPECT_EQ(search.getPlan().peak, 30);
  EXPECT_FALSE(search.run(29, 1000));
}

} // namespace
