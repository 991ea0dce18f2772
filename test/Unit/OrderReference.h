//===- OrderReference.h - What orders mean, in the simplest way -----------===//
//
// Written apart from the code under test: lifetimes over time instead of sets
// of done tasks, and all orders instead of a search.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_UNITTESTS_ORDERREFERENCE_H
#define POCK_UNITTESTS_ORDERREFERENCE_H

#include "OrderTestGraphs.h"
#include <algorithm>
#include <numeric>

namespace mlir::pock::test {

inline std::vector<int> inProgramOrder(const Graph &graph) {
  std::vector<int> order(graph.tasks.size());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

/// Whether each task is there once and comes after what it needs.
inline bool respectsEdges(const Graph &graph, const std::vector<int> &order) {
  std::vector<int> position(graph.tasks.size(), -1);
  for (size_t i = 0; i < order.size(); ++i)
    position[order[i]] = i;
  if (order.size() != graph.tasks.size() ||
      std::count(position.begin(), position.end(), -1))
    return false;
  std::vector<int> maker(graph.buffers.size(), -1);
  for (size_t t = 0; t < graph.tasks.size(); ++t)
    for (int b : graph.tasks[t].writes)
      maker[b] = t;
  for (size_t t = 0; t < graph.tasks.size(); ++t) {
    for (int u : graph.tasks[t].after)
      if (position[u] > position[t])
        return false;
    for (int b : graph.tasks[t].reads)
      if (maker[b] >= 0 && position[maker[b]] > position[t])
        return false;
  }
  return true;
}

/// Lifetimes laid out over time, as a planner would see them: reuse in place
/// makes one place of two buffers.
inline int64_t simulate(const Graph &graph, const std::vector<int> &order) {
  int steps = order.size(), buffers = graph.buffers.size();
  std::vector<int> begin(buffers, -1), end(buffers, -1), place(buffers);
  std::iota(place.begin(), place.end(), 0);
  std::vector<bool> used(buffers, false);
  for (int now = 0; now < steps; ++now) {
    for (int b : graph.tasks[order[now]].writes) {
      begin[b] = now;
      end[b] = now;
      used[b] = true;
    }
    for (int b : graph.tasks[order[now]].reads) {
      end[b] = now;
      used[b] = true;
    }
  }
  for (int b = 0; b < buffers; ++b)
    if (graph.buffers[b].kept) {
      end[b] = steps - 1;
      used[b] = true;
    }
  for (int &b : begin)
    b = std::max(b, 0);
  std::vector<bool> over(buffers, false), under(buffers, false);
  for (int now = 0; now < steps; ++now)
    for (auto [written, read] : graph.tasks[order[now]].inPlace)
      if (!over[written] && !under[read] && end[read] == now &&
          !graph.buffers[read].kept) {
        over[written] = under[read] = true;
        place[written] = read;
      }
  std::vector<int64_t> live(steps, 0);
  for (int now = 0; now < steps; ++now)
    live[now] = graph.tasks[order[now]].workspace;
  for (int b = 0; b < buffers; ++b) {
    if (!used[b])
      continue;
    // What is written over another begins one step later.
    int first = begin[b] + (over[b] ? 1 : 0);
    for (int now = first; now <= end[b]; ++now)
      live[now] += graph.buffers[b].bytes;
  }
  return live.empty() ? 0 : *std::max_element(live.begin(), live.end());
}

/// The least peak of all orders.
inline int64_t tryAll(const Graph &graph) {
  std::vector<int> order(graph.tasks.size());
  std::iota(order.begin(), order.end(), 0);
  int64_t best = INT64_MAX;
  do
    if (respectsEdges(graph, order))
      best = std::min(best, simulate(graph, order));
  while (std::next_permutation(order.begin(), order.end()));
  return best;
}

} // namespace mlir::pock::test

#endif // POCK_UNITTESTS_ORDERREFERENCE_H
