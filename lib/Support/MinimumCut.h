//===- MinimumCut.h - Cheapest separation of two nodes of a network -------===//
//
// Works on numbers, without IR. Maximum flow by Dinic's algorithm ("Algorithm
// for solution of a problem of maximum flow in networks with power estimation",
// 1970). Deterministic: the cut depends only on the order in which edges were
// added. Of several minimum cuts it is the one closest to the source.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_MINIMUMCUT_H
#define POCK_SUPPORT_MINIMUMCUT_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace mlir::pock {

class Network {
public:
  /// Larger than any sum of capacities may be.
  static constexpr int64_t unlimited = INT64_MAX / 4;

  int addNode();
  /// Capacities are not negative.
  void addEdge(int from, int to, int64_t capacity);

  /// Finds a minimum set of edges whose removal disconnects `sink` from
  /// `source`; returns the sum of their capacities. Call it once.
  int64_t cut(int source, int sink);

  /// Whether `node` is on the source's side; call it after `cut`.
  bool isBeforeCut(int node) const { return level[node] >= 0; }

private:
  struct Edge {
    int to;
    int64_t rest;
  };

  /// Computes distances from `source` over edges with remaining capacity;
  /// returns whether `sink` can be reached.
  bool findLevels(int source, int sink);
  /// Pushes flow along one more path, one level further at each step.
  int64_t push(int source, int sink);

  /// Each edge is followed by its reverse.
  llvm::SmallVector<Edge> edges;
  /// The edges from each node.
  llvm::SmallVector<llvm::SmallVector<int, 4>> outgoing;
  llvm::SmallVector<int> level;
  /// Number of edges of each node that are known to be dead ends.
  llvm::SmallVector<size_t> tried;
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_MINIMUMCUT_H
