//===- MinimumCut.cpp - Cheapest separation of two nodes of a network -----===//

#include "MinimumCut.h"
#include <algorithm>

using namespace mlir::pock;

int Network::addNode() {
  outgoing.emplace_back();
  return outgoing.size() - 1;
}

void Network::addEdge(int from, int to, int64_t capacity) {
  outgoing[from].push_back(edges.size());
  edges.push_back({to, capacity});
  outgoing[to].push_back(edges.size());
  edges.push_back({from, 0});
}

bool Network::findLevels(int source, int sink) {
  level.assign(outgoing.size(), -1);
  level[source] = 0;
  llvm::SmallVector<int> queue = {source};
  for (size_t i = 0; i < queue.size(); ++i)
    for (int e : outgoing[queue[i]])
      if (edges[e].rest > 0 && level[edges[e].to] < 0) {
        level[edges[e].to] = level[queue[i]] + 1;
        queue.push_back(edges[e].to);
      }
  return level[sink] >= 0;
}

int64_t Network::push(int source, int sink) {
  // No recursion: a path may be as long as the network.
  llvm::SmallVector<int> way;
  int node = source;
  while (node != sink) {
    size_t &i = tried[node];
    while (i < outgoing[node].size()) {
      const Edge &edge = edges[outgoing[node][i]];
      if (edge.rest > 0 && level[edge.to] == level[node] + 1)
        break;
      ++i;
    }
    if (i < outgoing[node].size()) {
      way.push_back(outgoing[node][i]);
      node = edges[way.back()].to;
      continue;
    }
    if (way.empty())
      return 0;
    node = edges[way.pop_back_val() ^ 1].to;
    ++tried[node];
  }
  int64_t sent = unlimited;
  for (int e : way)
    sent = std::min(sent, edges[e].rest);
  for (int e : way) {
    edges[e].rest -= sent;
    edges[e ^ 1].rest += sent;
  }
  return sent;
}

int64_t Network::cut(int source, int sink) {
  int64_t flow = 0;
  while (findLevels(source, sink)) {
    tried.assign(outgoing.size(), 0);
    while (int64_t sent = push(source, sink))
      flow += sent;
  }
  return flow;
}
