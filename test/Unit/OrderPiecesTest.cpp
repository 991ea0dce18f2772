//===- OrderPiecesTest.cpp - Pieces and bounds against all orders ---------===//

#include "OrderPieces.h"
#include "OrderBound.h"
#include "OrderReference.h"
#include "gtest/gtest.h"
#include <set>

using namespace mlir::pock;
using namespace mlir::pock::test;

namespace {

/// Positions at which all orders have done the same tasks.
std::vector<int> findForcedByTryingAll(const Graph &graph) {
  std::vector<std::set<std::set<int>>> done(graph.tasks.size() + 1);
  std::vector<int> order = inProgramOrder(graph), forced;
  do
    if (respectsEdges(graph, order))
      for (size_t i = 0; i <= order.size(); ++i)
        done[i].insert(std::set<int>(order.begin(), order.begin() + i));
  while (std::next_permutation(order.begin(), order.end()));
  for (size_t i = 0; i < done.size(); ++i)
    if (done[i].size() == 1)
      forced.push_back(i);
  return forced;
}

TEST(OrderPieces, ForcedAsInAllOrders) {
  int inner = 0;
  for (int seed = 0; seed < 500; ++seed) {
    Graph graph = makeRandom(seed, 1 + seed % 6);
    llvm::SmallVector<int> found = findForced(
        OrderGraph(graph.tasks, graph.buffers), inProgramOrder(graph));
    ASSERT_EQ(std::vector<int>(found.begin(), found.end()),
              findForcedByTryingAll(graph))
        << "seed " << seed;
    inner += found.size() > 2;
  }
  EXPECT_GT(inner, 50);
}

TEST(OrderPieces, SameBytesAliveAsInTheWhole) {
  for (int seed = 0; seed < 500; ++seed) {
    Graph graph = makeRandom(seed, 12);
    std::vector<int> order = inProgramOrder(graph);
    llvm::SmallVector<int64_t> live =
        liveBytes(graph.tasks, graph.buffers, order);
    int begin = seed % 12, end = begin + 1 + seed / 12 % (12 - begin);
    Piece piece = cutOut(graph.tasks, graph.buffers, order, begin, end);
    std::vector<int> all(end - begin);
    std::iota(all.begin(), all.end(), 0);
    ASSERT_TRUE(isValidOrder(piece.tasks, piece.buffers, all));
    ASSERT_EQ(
        liveBytes(piece.tasks, piece.buffers, all),
        llvm::SmallVector<int64_t>(live.begin() + begin, live.begin() + end))
        << "seed " << seed;
  }
}

TEST(OrderPieces, SeriesAreSolvedApart) {
  // Five copies of a random graph, a task that reads and writes nothing after
  // each: the best of the whole is the best of one.
  for (int seed = 0; seed < 50; ++seed) {
    Graph part = makeRandom(seed, 6), whole;
    for (Buffer &buffer : part.buffers)
      buffer.kept = false;
    // What is alive from the beginning would be alive in other parts, too.
    for (Task &task : part.tasks) {
      llvm::erase_if(task.reads, [&](int b) {
        return llvm::none_of(part.tasks, [&](const Task &other) {
          return llvm::is_contained(other.writes, b);
        });
      });
      task.inPlace.clear();
    }
    for (int copy = 0; copy < 5; ++copy) {
      int tasks = whole.tasks.size(), buffers = whole.buffers.size();
      whole.buffers.insert(whole.buffers.end(), part.buffers.begin(),
                           part.buffers.end());
      for (Task task : part.tasks) {
        for (int &b : task.reads)
          b += buffers;
        for (int &b : task.writes)
          b += buffers;
        for (int &u : task.after)
          u += tasks;
        if (tasks)
          task.after.push_back(tasks - 1);
        whole.tasks.push_back(task);
      }
      int end = whole.run({}, {});
      for (int t = tasks; t < end; ++t)
        whole.tasks[end].after.push_back(t);
    }
    Order order = findOrder(whole.tasks, whole.buffers);
    ASSERT_TRUE(order.isOptimal()) << "seed " << seed;
    ASSERT_EQ(order.peak, tryAll(part)) << "seed " << seed;
  }
}

/// The fewest bytes alive before `task` in any order: all sets of tasks tried.
int64_t findLeanestByTryingAll(const Graph &graph, const OrderGraph &view,
                               const Reach &reach, int task) {
  int64_t least = INT64_MAX;
  int size = graph.tasks.size();
  for (int mask = 0; mask < 1 << size; ++mask) {
    auto has = [&](int t) { return mask >> t & 1; };
    bool isValid = !has(task);
    for (int t = 0; t < size; ++t) {
      isValid &= !reach.before[task].has(t) || has(t);
      if (has(t))
        for (int u = 0; u < size; ++u)
          isValid &= !reach.before[t].has(u) || has(u);
    }
    if (!isValid)
      continue;
    int64_t live = 0;
    for (const OrderGraph::Content &content : view.getContents())
      if ((content.maker < 0 || has(content.maker)) &&
          (content.kept || !llvm::all_of(content.readers, has)))
        live += content.bytes;
    least = std::min(least, live);
  }
  return least;
}

TEST(OrderBound, LeanestIsLeast) {
  for (int seed = 0; seed < 300; ++seed) {
    Graph graph = makeRandom(seed, 1 + seed % 8);
    OrderGraph view(graph.tasks, graph.buffers);
    Reach reach(view);
    llvm::SmallVector<int64_t> always = findAlwaysLive(view, reach);
    int64_t best = seed % 8 < 6 ? tryAll(graph) : INT64_MAX;
    for (int t = 0; t < view.size(); ++t) {
      int64_t live = -1;
      TaskSet first = findLeanest(view, reach, t, live);
      ASSERT_EQ(live, findLeanestByTryingAll(graph, view, reach, t))
          << "seed " << seed;
      EXPECT_TRUE(view.isReady(first, t));
      EXPECT_LE(always[t], live + view.getLimits(t).during);
      EXPECT_LE(live + view.getLimits(t).during, best) << "seed " << seed;
    }
  }
}

TEST(OrderBound, CountsWhatIsAliveInEveryOrder) {
  // `saved` is alive while its two readers' other input is made.
  Graph graph;
  int saved = graph.add(100), middle = graph.add(10), last = graph.add(1);
  graph.run({}, {saved});
  graph.run({saved}, {middle});
  graph.run({middle}, {last}, 5);
  graph.run({saved, last}, {});
  EXPECT_EQ(lowerBoundOfOrders(graph.tasks, graph.buffers), 116);
}

} // namespace
