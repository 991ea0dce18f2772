//===- OrderExactTest.cpp - The searches that OrderSearch.h is made of ----===//

#include "OrderExact.h"
#include "OrderBeam.h"
#include "OrderPieceSearch.h"
#include "OrderReference.h"
#include "gtest/gtest.h"

using namespace mlir::pock;
using namespace mlir::pock::test;

namespace {

constexpr Direction directions[] = {Direction::Forward, Direction::Backward};

std::vector<int> listOf(llvm::ArrayRef<int> order) {
  return std::vector<int>(order.begin(), order.end());
}

TEST(OrderExact, EqualsTryingAll) {
  for (int seed = 0; seed < 1000; ++seed) {
    Graph graph = makeRandom(seed, 1 + seed % 7);
    int64_t best = tryAll(graph);
    for (Direction direction : directions)
      for (int valleyEffort : {0, 2, 8, 100}) {
        OrderGraph view(graph.tasks, graph.buffers, direction);
        int64_t evaluations = 1'000'000;
        ExactOrder found =
            findExactOrder(view, valleyEffort, 0, INT64_MAX, evaluations);
        ASSERT_EQ(found.bound, best) << "seed " << seed;
        ASSERT_TRUE(respectsEdges(graph, listOf(found.tasks)));
        ASSERT_EQ(simulate(graph, listOf(found.tasks)), best);
        // No order is better than the best.
        found = findExactOrder(view, valleyEffort, 0, best, evaluations);
        ASSERT_TRUE(found.tasks.empty()) << "seed " << seed;
        ASSERT_EQ(found.bound, best);
      }
  }
}

TEST(OrderExact, FindsAnyOrderUnderTheFloor) {
  for (int seed = 0; seed < 500; ++seed) {
    Graph graph = makeRandom(seed, 2 + seed % 6);
    int64_t best = tryAll(graph), floor = best + seed % 3;
    for (Direction direction : directions) {
      int64_t evaluations = 1'000'000;
      ExactOrder found =
          findExactOrder(OrderGraph(graph.tasks, graph.buffers, direction), 8,
                         floor, INT64_MAX, evaluations);
      ASSERT_TRUE(respectsEdges(graph, listOf(found.tasks)));
      ASSERT_LE(simulate(graph, listOf(found.tasks)), floor);
      ASSERT_EQ(found.bound, floor);
    }
  }
}

TEST(OrderExact, BoundHoldsWhenItGivesUp) {
  int gaveUp = 0;
  for (int seed = 0; seed < 1000; ++seed) {
    Graph graph = makeRandom(seed, 7);
    int64_t best = tryAll(graph);
    for (Direction direction : directions) {
      int64_t evaluations = seed % 30;
      ExactOrder found =
          findExactOrder(OrderGraph(graph.tasks, graph.buffers, direction),
                         seed % 5, 0, INT64_MAX, evaluations);
      gaveUp += found.tasks.empty();
      ASSERT_LE(found.bound, best) << "seed " << seed;
    }
  }
  EXPECT_GT(gaveUp, 100);
}

TEST(OrderBeam, KeepsTheLimit) {
  int found = 0;
  for (int seed = 0; seed < 500; ++seed) {
    Graph graph = makeRandom(seed, 1 + seed % 7);
    int64_t best = tryAll(graph);
    for (Direction direction : directions)
      for (Prefer prefer : {Prefer::LowPeak, Prefer::FewBytes}) {
        OrderGraph view(graph.tasks, graph.buffers, direction);
        int64_t limit = best + 1 + seed % 4, evaluations = 1'000'000;
        std::vector<int> order =
            listOf(findByBeam(view, 1 + seed % 3, prefer, seed % 2 ? best : 0,
                              limit, evaluations));
        EXPECT_TRUE(findByBeam(view, 9, prefer, 0, best, evaluations).empty());
        if (order.empty())
          continue;
        ++found;
        ASSERT_TRUE(respectsEdges(graph, order)) << "seed " << seed;
        ASSERT_LT(simulate(graph, order), limit) << "seed " << seed;
      }
  }
  EXPECT_GT(found, 1500);
}

TEST(OrderBeam, WideIsExact) {
  // Nothing is left out but what the rules of OrderMoves.h allow.
  for (int seed = 0; seed < 500; ++seed) {
    Graph graph = makeRandom(seed, 1 + seed % 7);
    int64_t best = tryAll(graph);
    for (Direction direction : directions)
      for (Prefer prefer : {Prefer::LowPeak, Prefer::FewBytes}) {
        OrderGraph view(graph.tasks, graph.buffers, direction);
        int64_t evaluations = 1'000'000;
        std::vector<int> order =
            listOf(findByBeam(view, 1000, prefer, 0, best + 1, evaluations));
        ASSERT_EQ(simulate(graph, order), best) << "seed " << seed;
      }
  }
}

TEST(PieceSearch, StopsAtTheFloor) {
  Graph graph = makeTrainedNetwork(1, 60, 10);
  llvm::SmallVector<Task, 0> tasks(graph.tasks.begin(), graph.tasks.end());
  llvm::SmallVector<Buffer, 0> buffers(graph.buffers.begin(),
                                       graph.buffers.end());
  PieceSearch search({tasks, buffers});
  int64_t peak = search.getPeak(), evaluations = 100'000;
  search.improve(peak, evaluations);
  EXPECT_EQ(evaluations, 100'000);
  EXPECT_EQ(search.getPeak(), peak);
  search.improve(0, evaluations);
  EXPECT_LT(evaluations, 100'000);
  EXPECT_LT(search.getPeak(), peak);
  EXPECT_TRUE(respectsEdges(graph, listOf(search.getOrder())));
  EXPECT_EQ(simulate(graph, listOf(search.getOrder())), search.getPeak());
}

} // namespace
