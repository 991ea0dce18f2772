//===- MinimumCutTest.cpp -------------------------------------------------===//

#include "MinimumCut.h"
#include "gtest/gtest.h"
#include <random>
#include <vector>

using namespace mlir::pock;

namespace {

struct Edge {
  int from, to;
  int64_t capacity;
};

int64_t capacityOf(const std::vector<Edge> &edges,
                   const std::vector<bool> &before) {
  int64_t sum = 0;
  for (const Edge &edge : edges)
    if (before[edge.from] && !before[edge.to])
      sum += edge.capacity;
  return sum;
}

/// The cheapest of all ways to divide the nodes; source 0, sink 1.
int64_t tryAll(int nodes, const std::vector<Edge> &edges) {
  int64_t best = INT64_MAX;
  for (int mask = 0; mask < 1 << (nodes - 2); ++mask) {
    std::vector<bool> before = {true, false};
    for (int i = 0; i < nodes - 2; ++i)
      before.push_back(mask >> i & 1);
    best = std::min(best, capacityOf(edges, before));
  }
  return best;
}

TEST(MinimumCut, NothingBetween) {
  Network network;
  int source = network.addNode(), sink = network.addNode();
  EXPECT_EQ(network.cut(source, sink), 0);
  EXPECT_TRUE(network.isBeforeCut(source));
  EXPECT_FALSE(network.isBeforeCut(sink));
}

TEST(MinimumCut, CutsWhatIsCheapest) {
  // source -4-> a, and from there twice 1 to the sink.
  Network network;
  int source = network.addNode(), sink = network.addNode();
  int a = network.addNode(), b = network.addNode(), c = network.addNode();
  network.addEdge(source, a, 4);
  network.addEdge(a, b, Network::unlimited);
  network.addEdge(a, c, Network::unlimited);
  network.addEdge(b, sink, 1);
  network.addEdge(c, sink, 1);
  EXPECT_EQ(network.cut(source, sink), 2);
  EXPECT_TRUE(network.isBeforeCut(a));
  EXPECT_TRUE(network.isBeforeCut(b));
}

TEST(MinimumCut, PrefersTheSource) {
  Network network;
  int source = network.addNode(), sink = network.addNode();
  int a = network.addNode();
  network.addEdge(source, a, 3);
  network.addEdge(a, sink, 3);
  EXPECT_EQ(network.cut(source, sink), 3);
  EXPECT_FALSE(network.isBeforeCut(a));
}

TEST(MinimumCut, LongWay) {
  // Longer than a stack would be deep.
  constexpr int length = 1'000'000;
  Network network;
  int source = network.addNode(), node = source;
  for (int i = 0; i < length; ++i) {
    int next = network.addNode();
    network.addEdge(node, next, i == length / 2 ? 1 : 2);
    node = next;
  }
  EXPECT_EQ(network.cut(source, node), 1);
  EXPECT_TRUE(network.isBeforeCut(source + length / 2));
  EXPECT_FALSE(network.isBeforeCut(source + length / 2 + 1));
}

TEST(MinimumCut, EqualsTryingAll) {
  std::mt19937 random(0);
  for (int round = 0; round < 300; ++round) {
    int nodes = 3 + random() % 7;
    std::vector<Edge> edges;
    Network network;
    for (int i = 0; i < nodes; ++i)
      network.addNode();
    for (int i = random() % (3 * nodes); i > 0; --i) {
      Edge edge = {int(random() % nodes), int(random() % nodes),
                   int64_t(random() % 20)};
      if (edge.from == edge.to)
        continue;
      edges.push_back(edge);
      network.addEdge(edge.from, edge.to, edge.capacity);
    }
    int64_t flow = network.cut(0, 1);
    EXPECT_EQ(flow, tryAll(nodes, edges));
    std::vector<bool> before;
    for (int i = 0; i < nodes; ++i)
      before.push_back(network.isBeforeCut(i));
    EXPECT_EQ(capacityOf(edges, before), flow);
  }
}

} // namespace
