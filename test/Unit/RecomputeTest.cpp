//===- RecomputeTest.cpp --------------------------------------------------===//

#include "Recompute.h"
#include "OrderReference.h"
#include "gtest/gtest.h"
#include <map>
#include <optional>
#include <string>

using namespace mlir::pock;
using namespace mlir::pock::test;

namespace {

Recomputation run(const Graph &graph, llvm::ArrayRef<TaskCost> costs,
                  int64_t limit) {
  return recompute(graph.tasks, graph.buffers, inProgramOrder(graph), costs,
                   limit);
}

/// Every task may run again, for the price of one.
std::vector<TaskCost> equalCosts(const Graph &graph) {
  return std::vector<TaskCost>(graph.tasks.size(), 1);
}

/// How often each given task runs.
std::vector<int> countRuns(const Graph &graph, const Recomputation &found) {
  std::vector<int> runs(graph.tasks.size(), 0);
  for (int task : found.order)
    ++runs[found.taskOf[task]];
  return runs;
}

/// Executes tasks on values that say how they were made: for each buffer a
/// string made of the number of its task and of what that has read.
std::map<int, std::string> execute(const Graph &graph) {
  std::map<int, std::string> values;
  for (size_t buffer = 0; buffer < graph.buffers.size(); ++buffer)
    values[buffer] = "in" + std::to_string(buffer);
  for (size_t task = 0; task < graph.tasks.size(); ++task) {
    std::string read;
    for (int buffer : graph.tasks[task].reads)
      read += values[buffer] + ",";
    for (auto [i, buffer] : llvm::enumerate(graph.tasks[task].writes))
      values[buffer] = std::to_string(std::hash<std::string>()(
          std::to_string(task) + "." + std::to_string(i) + "(" + read + ")"));
  }
  return values;
}

/// Checks that `found` computes what `graph` does: every run of a task reads
/// what the given task read, after it was made, and never behind what must
/// come after that task.
void expectSameValues(const Graph &graph, const Recomputation &found) {
  std::map<int, std::string> expected = execute(graph);
  std::map<int, std::string> values;
  std::vector<bool> written(found.buffers.size(), false);
  for (const Task &task : found.tasks)
    for (int buffer : task.writes) {
      EXPECT_FALSE(written[buffer]) << "two tasks write buffer " << buffer;
      written[buffer] = true;
    }
  for (size_t buffer = 0; buffer < found.buffers.size(); ++buffer)
    if (!written[buffer])
      values[buffer] = expected.at(found.bufferOf[buffer]);
  std::vector<int> ran(graph.tasks.size(), 0);
  for (int number : found.order) {
    const Task &task = found.tasks[number];
    int original = found.taskOf[number];
    const Task &given = graph.tasks[original];
    ASSERT_EQ(task.reads.size(), given.reads.size());
    ASSERT_EQ(task.writes.size(), given.writes.size());
    EXPECT_EQ(task.workspace, given.workspace);
    for (auto [read, from] : llvm::zip(task.reads, given.reads)) {
      EXPECT_EQ(found.bufferOf[read], from);
      auto value = values.find(read);
      ASSERT_NE(value, values.end()) << "task " << original << " reads buffer "
                                     << from << " before it is made";
      EXPECT_EQ(value->second, expected.at(from));
    }
    for (auto [write, from] : llvm::zip(task.writes, given.writes)) {
      EXPECT_EQ(found.bufferOf[write], from);
      EXPECT_EQ(found.buffers[write].bytes, graph.buffers[from].bytes);
      EXPECT_EQ(found.buffers[write].kept, graph.buffers[from].kept);
      values[write] = expected.at(from);
    }
    for (auto [write, read] : task.inPlace) {
      EXPECT_TRUE(llvm::is_contained(task.writes, write));
      EXPECT_TRUE(llvm::is_contained(task.reads, read));
    }
    // What overwrites the operands of a task waits for all its runs.
    for (int before : given.after)
      EXPECT_GT(ran[before], 0) << original << " runs before " << before;
    for (size_t other = 0; other < graph.tasks.size(); ++other) {
      bool overwrites = llvm::is_contained(graph.tasks[other].after, original);
      EXPECT_FALSE(overwrites && ran[other])
          << original << " runs behind " << other;
    }
    ++ran[original];
  }
  EXPECT_EQ(llvm::count(ran, 0), 0);
}

/// What must hold of every result; returns it.
Recomputation runAndCheck(const Graph &graph, llvm::ArrayRef<TaskCost> costs,
                          int64_t limit) {
  Recomputation found = run(graph, costs, limit);
  size_t tasks = found.tasks.size(), buffers = found.buffers.size();
  EXPECT_EQ(found.taskOf.size(), tasks);
  EXPECT_EQ(found.bufferOf.size(), buffers);
  for (size_t task = 0; task < graph.tasks.size(); ++task)
    EXPECT_EQ(found.taskOf[task], int(task));
  for (size_t buffer = 0; buffer < graph.buffers.size(); ++buffer)
    EXPECT_EQ(found.bufferOf[buffer], int(buffer));
  Graph repeated;
  repeated.tasks.assign(found.tasks.begin(), found.tasks.end());
  repeated.buffers.assign(found.buffers.begin(), found.buffers.end());
  std::vector<int> order(found.order.begin(), found.order.end());
  EXPECT_TRUE(respectsEdges(repeated, order));
  EXPECT_EQ(found.peak, simulate(repeated, order));
  int64_t given = simulate(graph, inProgramOrder(graph));
  EXPECT_LE(found.peak, given);
  if (given <= limit) {
    EXPECT_EQ(found.order.size(), graph.tasks.size());
  }
  expectSameValues(graph, found);
  int64_t cost = 0;
  std::vector<int> runs = countRuns(graph, found);
  for (size_t task = 0; task < graph.tasks.size(); ++task) {
    EXPECT_TRUE(costs[task] >= 0 || runs[task] == 1) << "must not run twice";
    cost += (runs[task] - 1) * costs[task];
  }
  EXPECT_EQ(found.cost, cost);
  Recomputation second = run(graph, costs, limit);
  EXPECT_EQ(found.order, second.order);
  EXPECT_EQ(found.taskOf, second.taskOf);
  return found;
}

TEST(Recompute, Nothing) {
  Recomputation found = recompute({}, {}, {}, {}, 0);
  EXPECT_TRUE(found.order.empty());
  EXPECT_EQ(found.peak, 0);
  EXPECT_EQ(found.cost, 0);
}

TEST(Recompute, LeavesWhatFits) {
  Graph graph;
  int a = graph.add(10), b = graph.add(10);
  graph.run({}, {a});
  graph.run({a}, {b});
  graph.run({a, b}, {});
  Recomputation found = runAndCheck(graph, equalCosts(graph), 20);
  EXPECT_EQ(found.order, (llvm::SmallVector<int>{0, 1, 2}));
  EXPECT_EQ(found.cost, 0);
}

/// A chain of `length` values of 10 bytes, each made from the one before, the
/// first from an input of 1 byte; then they are read, the last one first.
Graph makeChain(int length) {
  Graph graph;
  int made = graph.add(1);
  std::vector<int> chain;
  for (int i = 0; i < length; ++i) {
    int next = graph.add(10);
    graph.run({made}, {next});
    chain.push_back(made = next);
  }
  for (int value : llvm::reverse(chain))
    graph.run({value}, {});
  // The input lives to the end.
  graph.run({0}, {});
  return graph;
}

TEST(Recompute, MakesAValueAgainForItsLateReader) {
  // With a, b and c alive, 31 bytes. Without a while c is made, 21: it is made
  // again from the input behind the readers of c and b.
  Graph graph = makeChain(3);
  Recomputation found = runAndCheck(graph, equalCosts(graph), 21);
  EXPECT_EQ(found.peak, 21);
  EXPECT_EQ(found.cost, 1);
  EXPECT_EQ(countRuns(graph, found), (std::vector<int>{2, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(found.taskOf[found.order[5]], 0) << "in front of the reader of a";
}

TEST(Recompute, ReachesTwoValuesOfAnyChain) {
  // A task of the chain needs what it reads and what it makes: 21 with the
  // input. Everything else can be made again.
  for (int length : {4, 6, 9, 12}) {
    Graph graph = makeChain(length);
    EXPECT_EQ(simulate(graph, inProgramOrder(graph)), 10 * length + 1);
    EXPECT_EQ(runAndCheck(graph, equalCosts(graph), 21).peak, 21) << length;
  }
}

TEST(Recompute, MakesWhatIsDeadByThenAgain) {
  // `late` is made from `dead`, that from the input: both tasks run again while
  // the large value is not alive.
  Graph graph;
  int input = graph.add(1), dead = graph.add(10), late = graph.add(10),
      large = graph.add(100);
  graph.run({input}, {dead});
  graph.run({dead}, {late});
  graph.run({}, {large});
  graph.run({large}, {});
  graph.run({late, input}, {});
  Recomputation found = runAndCheck(graph, {3, 5, 7, 7, 7}, 101);
  EXPECT_EQ(found.peak, 101);
  EXPECT_EQ(found.cost, 3 + 5);
  std::vector<int> tasks;
  for (int task : found.order)
    tasks.push_back(found.taskOf[task]);
  EXPECT_EQ(tasks, (std::vector<int>{0, 1, 2, 3, 0, 1, 4}));
}

TEST(Recompute, TakesTheCheapest) {
  // Of two values as large, the one that costs less is made again.
  Graph graph;
  int a = graph.add(10), b = graph.add(10), large = graph.add(100);
  graph.run({}, {a});
  graph.run({}, {b});
  graph.run({}, {large});
  graph.run({large}, {});
  graph.run({a, b}, {});
  EXPECT_EQ(runAndCheck(graph, {9, 2, 1, 1, 1}, 110).cost, 2);
  EXPECT_EQ(runAndCheck(graph, {2, 9, 1, 1, 1}, 110).cost, 2);
  EXPECT_EQ(runAndCheck(graph, {2, 9, 1, 1, 1}, 100).cost, 11);
}

TEST(Recompute, RepeatsATaskWithTwoResultsAsOne) {
  // Both results die and are made again by one run.
  Graph graph;
  int a = graph.add(10), b = graph.add(10), large = graph.add(100);
  graph.run({}, {a, b});
  graph.run({}, {large});
  graph.run({large}, {});
  graph.run({a}, {});
  graph.run({b}, {});
  Recomputation found = runAndCheck(graph, {4, 1, 1, 1, 1}, 100);
  EXPECT_EQ(found.peak, 100);
  EXPECT_EQ(found.cost, 4);
}

TEST(Recompute, CountsTheSecondResultThatNobodyNeeds) {
  // Of two results one is read at once. Made again, it is alive for a moment:
  // the peak is there.
  Graph graph;
  int a = graph.add(10), other = graph.add(50), large = graph.add(100);
  graph.run({}, {a, other});
  graph.run({other}, {});
  graph.run({}, {large});
  graph.run({large}, {});
  graph.run({a}, {});
  Recomputation found = runAndCheck(graph, equalCosts(graph), 100);
  EXPECT_EQ(found.peak, 100);
  EXPECT_EQ(countRuns(graph, found)[0], 2);
}

TEST(Recompute, NeverRepeatsWhatMustRunOnce) {
  Graph graph = makeChain(6);
  std::vector<TaskCost> costs = equalCosts(graph);
  for (TaskCost &cost : costs)
    cost = -1;
  Recomputation found = runAndCheck(graph, costs, 21);
  EXPECT_EQ(found.order.size(), graph.tasks.size());
  EXPECT_EQ(found.peak, 61);
  EXPECT_EQ(found.cost, 0);
}

TEST(Recompute, KeepsWhatARepeatedTaskCannotHaveAgain) {
  // `wide` may be made again, its operand not: that lives longer instead.
  Graph graph;
  int narrow = graph.add(2), wide = graph.add(50), large = graph.add(100);
  graph.run({}, {narrow});
  graph.run({narrow}, {wide});
  graph.run({}, {large});
  graph.run({large}, {});
  graph.run({wide}, {});
  Recomputation found = runAndCheck(graph, {-1, 1, 1, 1, 1}, 102);
  EXPECT_EQ(found.peak, 102);
  EXPECT_EQ(found.cost, 1);
}

TEST(Recompute, ReadsTheOldWeightBeforeItIsOverwritten) {
  // The update (2) must stand behind task 0, which reads the old weight: behind
  // it, task 0 cannot run again.
  Graph graph;
  int a = graph.add(10), large = graph.add(100);
  graph.run({}, {a});
  graph.run({}, {large});
  graph.run({large}, {}, 0, {0});
  graph.run({a}, {});
  EXPECT_EQ(runAndCheck(graph, equalCosts(graph), 100).peak, 110);
  // Without that edge, it can.
  graph.tasks[2].after.clear();
  EXPECT_EQ(runAndCheck(graph, equalCosts(graph), 100).peak, 100);
}

TEST(Recompute, PutsTheUpdateBehindARepeatedReaderToo) {
  // Task 0 runs again before task 4, which overwrites what it reads: the copy
  // must be in `after` of task 4, for those who reorder the result.
  Graph graph;
  int a = graph.add(10), large = graph.add(100);
  graph.run({}, {a});
  graph.run({}, {large});
  graph.run({large}, {});
  graph.run({a}, {});
  graph.run({}, {}, 0, {0});
  Recomputation found = runAndCheck(graph, equalCosts(graph), 100);
  ASSERT_EQ(found.tasks.size(), 6u);
  EXPECT_TRUE(llvm::is_contained(found.tasks[4].after, 5));
}

TEST(Recompute, FollowsReuseInPlace) {
  // The late reader writes over `a`, or over its second version.
  Graph graph;
  int a = graph.add(10), large = graph.add(95), sum = graph.add(10);
  graph.run({}, {a});
  graph.run({}, {large});
  graph.run({large}, {});
  int last = graph.run({a}, {sum}, 85);
  graph.tasks[last].inPlace = {{sum, a}};
  Recomputation found = runAndCheck(graph, equalCosts(graph), 95);
  EXPECT_EQ(found.peak, 95);
  auto [written, read] = found.tasks[last].inPlace.front();
  EXPECT_EQ(written, sum);
  EXPECT_NE(read, a);
  EXPECT_EQ(found.bufferOf[read], a);
}

TEST(Recompute, LeavesWhatIsKept) {
  Graph graph;
  int a = graph.add(10), large = graph.add(100);
  graph.buffers[a].kept = true;
  graph.run({}, {a});
  graph.run({}, {large});
  graph.run({large}, {});
  graph.run({a}, {});
  EXPECT_EQ(runAndCheck(graph, equalCosts(graph), 100).peak, 110);
}

/// Costs for a graph: some must not run twice, some cost nothing.
std::vector<TaskCost> makeCosts(const Graph &graph, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TaskCost> costs;
  for (size_t task = 0; task < graph.tasks.size(); ++task)
    costs.push_back(random() % 6 == 0 ? -1 : int64_t(random() % 50));
  return costs;
}

/// Limits between nothing and all that `graph` takes, and the least that is
/// found with no hope: that must be found again.
void checkLimits(const Graph &graph, llvm::ArrayRef<TaskCost> costs) {
  int64_t given = simulate(graph, inProgramOrder(graph));
  Recomputation least = runAndCheck(graph, costs, 0);
  for (int64_t part = 1; part <= 4; ++part) {
    int64_t limit = least.peak + (given - least.peak) * part / 4;
    EXPECT_LE(runAndCheck(graph, costs, limit).peak, limit);
  }
  EXPECT_LE(runAndCheck(graph, costs, least.peak).peak, least.peak);
  // Whatever was asked for, what is said to be the least can be had.
  for (int64_t part = 1; part <= 3; ++part) {
    int64_t found = runAndCheck(graph, costs, least.peak * part / 4).peak;
    EXPECT_LE(runAndCheck(graph, costs, found).peak, found);
  }
}

TEST(Recompute, HoldsForAnyGraph) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    Graph graph = makeRandom(seed, 4 + seed % 24);
    checkLimits(graph, makeCosts(graph, seed));
  }
}

TEST(Recompute, HoldsForTrainingSteps) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Graph graph = makeTrainingStep(seed, 3 + seed % 12);
    checkLimits(graph, makeCosts(graph, seed));
  }
}

TEST(Recompute, HoldsForTrainedNetworks) {
  for (unsigned seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE(seed);
    Graph graph = makeTrainedNetwork(seed, 5 + seed % 16, 4);
    checkLimits(graph, makeCosts(graph, seed));
  }
}

TEST(Recompute, BringsLongChainsDown) {
  // Whatever a chain longer than one repetition may be ends up with, it is far
  // less than all of it, and less if more may be repeated.
  Graph graph = makeChain(60);
  int64_t given = simulate(graph, inProgramOrder(graph));
  EXPECT_EQ(given, 601);
  EXPECT_LE(runAndCheck(graph, equalCosts(graph), 0).peak, given / 4);
  EXPECT_LE(runAndCheck(graph, equalCosts(graph), given / 2).peak, given / 2);
}

} // namespace
