//===- OrderSearchTest.cpp ------------------------------------------------===//

#include "OrderSearch.h"
#include "OrderReference.h"
#include "gtest/gtest.h"

using namespace mlir::pock;
using namespace mlir::pock::test;

namespace {

std::vector<int> tasksOf(const Order &order) {
  return std::vector<int>(order.tasks.begin(), order.tasks.end());
}

/// What must hold of every result; returns it.
Order findAndCheck(const Graph &graph, OrderOptions options = {}) {
  Order order = findOrder(graph.tasks, graph.buffers, {}, options);
  EXPECT_TRUE(respectsEdges(graph, tasksOf(order)));
  EXPECT_EQ(order.peak, simulate(graph, tasksOf(order)));
  EXPECT_LE(order.peak, simulate(graph, inProgramOrder(graph)));
  EXPECT_LE(order.bound, order.peak);
  EXPECT_LE(lowerBoundOfOrders(graph.tasks, graph.buffers), order.bound);
  EXPECT_EQ(order.tasks,
            findOrder(graph.tasks, graph.buffers, {}, options).tasks);
  return order;
}

TEST(OrderSearch, Nothing) {
  Order order = findOrder({}, {});
  EXPECT_TRUE(order.tasks.empty());
  EXPECT_EQ(order.peak, 0);
  EXPECT_TRUE(order.isOptimal());
}

TEST(OrderSearch, CountsWhatIsAlive) {
  Graph graph;
  int input = graph.add(3);
  int a = graph.add(5), b = graph.add(7), unread = graph.add(11);
  graph.buffers[b].kept = true;
  graph.run({input}, {a}, 100);
  graph.run({a}, {b, unread});
  graph.run({}, {});
  llvm::SmallVector<int64_t> live =
      liveBytes(graph.tasks, graph.buffers, {0, 1, 2});
  EXPECT_EQ(live, (llvm::SmallVector<int64_t>{108, 23, 7}));
  llvm::SmallVector<int> positions;
  EXPECT_EQ(peakOf(graph.tasks, graph.buffers, {0, 1, 2}, &positions), 108);
  EXPECT_EQ(positions, (llvm::SmallVector<int>{0}));
  // Ahead of the others the input and nothing else is alive.
  live = liveBytes(graph.tasks, graph.buffers, {2, 0, 1});
  EXPECT_EQ(live, (llvm::SmallVector<int64_t>{3, 108, 23}));
}

TEST(OrderSearch, RejectsInvalidOrders) {
  Graph graph;
  int a = graph.add(1);
  graph.run({}, {a});
  graph.run({a}, {});
  graph.run({}, {}, 0, {1});
  EXPECT_TRUE(isValidOrder(graph.tasks, graph.buffers, {0, 1, 2}));
  EXPECT_FALSE(isValidOrder(graph.tasks, graph.buffers, {1, 0, 2}));
  EXPECT_FALSE(isValidOrder(graph.tasks, graph.buffers, {0, 2, 1}));
  EXPECT_FALSE(isValidOrder(graph.tasks, graph.buffers, {0, 1}));
  EXPECT_FALSE(isValidOrder(graph.tasks, graph.buffers, {0, 0, 1}));
}

TEST(OrderSearch, DiamondHasOnePeak) {
  // a -> (b, c) -> d: a beside b and c in turn, whichever comes first.
  Graph graph;
  int a = graph.add(10), b = graph.add(1), c = graph.add(2);
  graph.run({}, {a});
  graph.run({a}, {b});
  graph.run({a}, {c});
  graph.run({b, c}, {});
  Order order = findAndCheck(graph);
  EXPECT_EQ(order.peak, 13);
  EXPECT_TRUE(order.isOptimal());
}

TEST(OrderSearch, RunsTheHigherChainFirst) {
  // Two chains that each leave 2: the second passes a peak of 50, which the
  // program adds to what the first left.
  Graph graph;
  int low = graph.add(2), high = graph.add(50), left = graph.add(2);
  graph.run({}, {low});
  graph.run({}, {high});
  graph.run({high}, {left});
  graph.run({low, left}, {});
  EXPECT_EQ(simulate(graph, inProgramOrder(graph)), 54);
  Order order = findAndCheck(graph);
  EXPECT_EQ(order.peak, 52);
  EXPECT_TRUE(order.isOptimal());
}

TEST(OrderSearch, UpdatesRightBehindGradients) {
  // All gradients first, then all updates, which make nothing.
  Graph graph;
  std::vector<int> gradients;
  for (int i = 0; i < 20; ++i) {
    gradients.push_back(graph.add(8));
    graph.run({}, {gradients.back()});
  }
  for (int gradient : gradients)
    graph.run({gradient}, {});
  EXPECT_EQ(simulate(graph, inProgramOrder(graph)), 160);
  EXPECT_EQ(findAndCheck(graph).peak, 8);
}

TEST(OrderSearch, OldWeightIsReadBeforeItsUpdate) {
  // The gradient could be used up at once, but for the reader of the weight
  // that it changes, which needs `big`.
  Graph graph;
  int gradient = graph.add(8), big = graph.add(30);
  graph.run({}, {gradient});
  graph.run({}, {big});
  graph.run({big}, {});
  int update = graph.run({gradient}, {});
  EXPECT_EQ(findAndCheck(graph).peak, 30);
  graph.tasks[update].after = {2};
  // The gradient is made behind that reader.
  EXPECT_EQ(findAndCheck(graph).peak, 30);
  graph.tasks[1].after = {0};
  EXPECT_EQ(findAndCheck(graph).peak, 38);
}

TEST(OrderSearch, ChainInPlaceIsOnePlace) {
  Graph graph;
  int previous = graph.add(8);
  graph.run({}, {previous});
  for (int i = 0; i < 5; ++i) {
    int next = graph.add(8);
    int task = graph.run({previous}, {next});
    graph.tasks[task].inPlace = {{next, previous}};
    previous = next;
  }
  EXPECT_EQ(findAndCheck(graph).peak, 8);
}

TEST(OrderSearch, LetsTheOtherReaderGoFirst) {
  // The task that works in place saves 8 bytes if it reads last.
  Graph graph;
  int a = graph.add(8), b = graph.add(8), c = graph.add(1);
  graph.run({}, {a});
  int inPlace = graph.run({a}, {b});
  graph.tasks[inPlace].inPlace = {{b, a}};
  graph.run({a}, {c});
  graph.run({b, c}, {});
  EXPECT_EQ(simulate(graph, inProgramOrder(graph)), 17);
  EXPECT_EQ(findAndCheck(graph).peak, 9);
}

TEST(OrderSearch, WorkspaceMeetsLittle) {
  // The task with the workspace does not depend on the others.
  Graph graph;
  int a = graph.add(10), b = graph.add(10);
  graph.run({}, {a});
  graph.run({a}, {b});
  graph.run({}, {}, 100);
  graph.run({b}, {});
  EXPECT_EQ(findAndCheck(graph).peak, 100);
}

TEST(OrderSearch, WaitsWithWhatOnlyGrows) {
  // Forty masks that nothing must come before, each used by one step of a
  // chain: the sets of masks made are many, those worth a look are few.
  Graph graph;
  std::vector<int> masks;
  for (int i = 0; i < 40; ++i) {
    masks.push_back(graph.add(4));
    graph.run({}, {masks.back()});
  }
  int previous = graph.add(8);
  graph.run({}, {previous});
  for (int mask : masks) {
    int next = graph.add(8);
    graph.run({previous, mask}, {next});
    previous = next;
  }
  Order order = findAndCheck(graph);
  EXPECT_EQ(order.peak, 20);
  EXPECT_TRUE(order.isOptimal());
}

TEST(OrderSearch, KeepsAGivenOrderThatIsBest) {
  Graph graph;
  int a = graph.add(4), b = graph.add(4);
  graph.run({}, {a});
  graph.run({a}, {});
  graph.run({}, {b});
  graph.run({b}, {});
  Order order = findOrder(graph.tasks, graph.buffers, {2, 3, 0, 1});
  EXPECT_EQ(tasksOf(order), (std::vector<int>{2, 3, 0, 1}));
  EXPECT_TRUE(order.isOptimal());
}

TEST(OrderSearch, EqualsTryingAll) {
  for (int seed = 0; seed < 1500; ++seed) {
    Graph graph = makeRandom(seed, 1 + seed % 7);
    Order order = findAndCheck(graph);
    ASSERT_EQ(order.peak, tryAll(graph)) << "seed " << seed;
    ASSERT_TRUE(order.isOptimal()) << "seed " << seed;
  }
}

TEST(OrderSearch, EqualsTryingAllEight) {
  for (int seed = 0; seed < 60; ++seed) {
    Graph graph = makeRandom(10000 + seed, 8);
    Order order = findAndCheck(graph);
    ASSERT_EQ(order.peak, tryAll(graph)) << "seed " << seed;
    ASSERT_TRUE(order.isOptimal()) << "seed " << seed;
  }
}

TEST(OrderSearch, BoundHoldsWithoutEffort) {
  for (int seed = 0; seed < 1000; ++seed) {
    Graph graph = makeRandom(20000 + seed, 2 + seed % 6);
    OrderOptions options;
    options.evaluations = seed % 40;
    Order order = findAndCheck(graph, options);
    ASSERT_LE(order.bound, tryAll(graph)) << "seed " << seed;
  }
}

TEST(OrderSearch, TrainingStepsAreSolved) {
  for (int seed = 0; seed < 20; ++seed) {
    Graph graph = makeTrainingStep(seed, 5 + 3 * seed);
    EXPECT_TRUE(findAndCheck(graph).isOptimal()) << "seed " << seed;
  }
}

TEST(OrderSearch, IrregularNetworks) {
  // The bound is close even where the search must stop.
  OrderOptions options;
  options.evaluations = 100'000;
  for (int seed = 0; seed < 10; ++seed) {
    Graph graph = makeTrainedNetwork(seed, 25 + 5 * seed, 8);
    Order order = findAndCheck(graph, options);
    EXPECT_LE(order.peak, 1.1 * order.bound) << "seed " << seed;
  }
  for (int seed = 0; seed < 5; ++seed)
    findAndCheck(makeNetwork(seed, 150, 20), options);
}

TEST(OrderSearch, LittleEffort) {
  for (int seed = 0; seed < 20; ++seed) {
    OrderOptions options;
    options.evaluations = 150 * seed * seed;
    findAndCheck(makeTrainedNetwork(seed, 60, 10), options);
    findAndCheck(makeRandom(seed, 60), options);
  }
}

TEST(OrderSearch, ThousandsOfTasks) {
  Graph graph = makeTrainingStep(1, 700);
  ASSERT_GE(graph.tasks.size(), 3000u);
  findAndCheck(graph);
}

} // namespace
