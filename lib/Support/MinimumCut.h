//===- MinimumCut.h - Cheapest separation of two nodes of a network -------===//
//
// Numbers to numbers: knows no IR. Maximum flow by Dinic's algorithm
// ("Algorithm for solution of a problem of maximum flow in networks with power
// estimation", 1970). Deterministic: what is cut does not depend on anything
// but the order in which edges were added, and of several cheapest cuts it is
// the one closest to the source.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_MINIMUMCUT_H
#define POCK_SUPPORT_MINIMUMCUT_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace mlir::pock {

class Network {
public:
  /// More than any sum of capacities may be.
  static constexpr int64_t unlimited = INT64_MAX / 4;

  int addNode();
  /// Capacities are not negative.
  void addEdge(int from, int to, int64_t capacity);

  /// Finds a cheapest set of edges without which `sink` cannot be reached from
  /// `source`; returns the sum of their capacities. Call it once.
  int64_t cut(int source, int sink);

  /// After `cut`: whether `node` is on the source's side.
  bool isBeforeCut(int node) const { return level[node] >= 0; }

private:
  struct Edge {
    int to;
    int64_t rest;
  };

  /// Distances from `source` over edges that can take more; whether `sink` has
  /// one.
  bool findLevels(int source, int sink);
  /// Sends what one more way has room for, one level further at each step.
  int64_t push(int source, int sink);

  /// Each edge is followed by its reverse.
  llvm::SmallVector<Edge> edges;
  /// The edges from each node.
  llvm::SmallVector<llvm::SmallVector<int, 4>> outgoing;
  llvm::SmallVector<int> level;
  /// How many edges of a node are known to lead nowhere.
  llvm::SmallVector<size_t> tried;
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_MINIMUMCUT_H
