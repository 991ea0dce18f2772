//===- MemoryPlannerTest.cpp ----------------------------------------------===//

#include "MemoryPlanner.h"
#include "PlannerInstances.h"
#include "gtest/gtest.h"

using namespace mlir::pock;

namespace {

TEST(MemoryPlanner, Empty) {
  Plan p = plan({});
  EXPECT_EQ(p.peak, 0);
  EXPECT_TRUE(verify({}, p));
  EXPECT_EQ(lowerBound({}), 0);
}

TEST(MemoryPlanner, ReusesDeadSlot) {
  // The end is exclusive: b starts when a ends.
  Slot slots[] = {{100, 1, 0, 2}, {100, 1, 2, 4}};
  Plan p = plan(slots);
  EXPECT_EQ(p.peak, 100);
  EXPECT_EQ(p.offsets[0], 0);
  EXPECT_EQ(p.offsets[1], 0);
}

TEST(MemoryPlanner, KeepsLiveSlotsApart) {
  Slot slots[] = {{100, 1, 0, 3}, {100, 1, 2, 4}};
  Plan p = plan(slots);
  EXPECT_EQ(p.peak, 200);
  EXPECT_TRUE(verify(slots, p));
  p.offsets[1] = p.offsets[0];
  p.peak = 100;
  EXPECT_FALSE(verify(slots, p));
}

TEST(MemoryPlanner, FillsGap) {
  // a [0,64) and c [96,160) live throughout; b, 32 bytes, dies; d takes its
  // gap.
  Slot slots[] = {{64, 1, 0, 9}, {32, 1, 0, 4}, {64, 1, 0, 9}, {32, 1, 4, 9}};
  Plan p = plan(slots);
  EXPECT_EQ(p.peak, 160);
  EXPECT_EQ(lowerBound(slots), 160);
  EXPECT_EQ(p.offsets[1], p.offsets[3]);
}

TEST(MemoryPlanner, Alignment) {
  Slot slots[] = {{10, 1, 0, 2}, {8, 64, 0, 2}, {3, 1, 0, 2}};
  Plan p = plan(slots);
  EXPECT_TRUE(verify(slots, p));
  EXPECT_EQ(p.offsets[1] % 64, 0);
  // 8 bytes at 0, the rest behind: 8 + 10 + 3.
  EXPECT_LE(p.peak, 74);
  p.offsets[1] += 1;
  EXPECT_FALSE(verify(slots, p));
}

TEST(MemoryPlanner, ZeroSizeAndEmptyLifetime) {
  Slot slots[] = {{0, 64, 0, 5}, {100, 1, 3, 3}, {16, 1, 0, 5}};
  Plan p = plan(slots);
  EXPECT_EQ(p.peak, 16);
  EXPECT_TRUE(verify(slots, p));
}

TEST(MemoryPlanner, WrongPeakIsRejected) {
  Slot slots[] = {{16, 1, 0, 5}};
  Plan p = plan(slots);
  p.peak = 17;
  EXPECT_FALSE(verify(slots, p));
}

TEST(MemoryPlanner, BoundRoundsAllButTheTopmost) {
  // Two of three slots have another one above them: 64 + 64 + 10.
  Slot slots[] = {{10, 64, 0, 2}, {10, 64, 0, 2}, {10, 64, 0, 2}};
  EXPECT_EQ(lowerBound(slots), 138);
  EXPECT_EQ(plan(slots).peak, 138);
  // The topmost may be the one that rounding costs most.
  Slot uneven[] = {{60, 64, 0, 2}, {1, 64, 0, 2}};
  EXPECT_EQ(lowerBound(uneven), 65);
  EXPECT_EQ(plan(uneven).peak, 65);
  // What needs no alignment fills the gap.
  Slot mixed[] = {{10, 64, 0, 2}, {10, 64, 0, 2}, {54, 1, 0, 2}};
  EXPECT_EQ(lowerBound(mixed), 74);
  EXPECT_EQ(plan(mixed).peak, 74);
}

TEST(MemoryPlanner, TrainingStepShapeReachesBound) {
  // Activations live from forward to backward, like nested brackets.
  llvm::SmallVector<Slot> slots;
  for (int64_t i = 0; i < 200; ++i)
    slots.push_back({64 * (1 + i % 7), 64, i, 400 - i});
  Plan p = plan(slots);
  EXPECT_TRUE(verify(slots, p));
  EXPECT_EQ(p.peak, lowerBound(slots));
}

TEST(MemoryPlanner, CompiledStepsReachTheBound) {
  for (const auto &slots : {aligned(convLstm), aligned(gru)}) {
    Plan p = plan(slots);
    EXPECT_TRUE(verify(slots, p));
    EXPECT_EQ(p.peak, lowerBound(slots));
  }
}

} // namespace
