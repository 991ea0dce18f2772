//===- OrderExact.cpp - Exact search for the order with the least peak ----===//
//
// Finds the shortest path through the sets of finished tasks, where the length
// of a path is its peak (Dijkstra's algorithm for bottlenecks). Sets with the
// lowest peak so far come first, so a bound is known when the search has to
// stop. The memory budget that "Ordering chaos" (Ahn et al., MLSys 2020) finds
// by trials rises automatically. Among equal peaks, the set with the most tasks
// comes first: if the peak suffices, the search ends soon.
//
//===----------------------------------------------------------------------===//

#include "OrderExact.h"
#include "OrderMoves.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <queue>
#include <unordered_map>

using namespace mlir::pock;

namespace {

/// Limit of the words of all states; with their lists, about 100 MB.
constexpr int64_t mostWords = 2'000'000;

struct Hash {
  size_t operator()(const TaskSet &set) const {
    uint64_t hash = 14695981039346656037u;
    for (uint64_t word : set.getWords()) {
      hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

struct Reached {
  OrderState state;
  int64_t peak;
  int parent;
  llvm::SmallVector<int, 4> tasks;
  bool expanded = false;
};

/// A queued state; the greatest comes first.
struct Waiting {
  int64_t peak;
  int done;
  int64_t live;
  int number;
  bool operator<(const Waiting &other) const {
    return std::tie(other.peak, done, other.live, other.number) <
           std::tie(peak, other.done, live, number);
  }
};

class ExactSearch {
public:
  ExactSearch(const OrderGraph &graph, int valleyEffort, int64_t floor,
              int64_t limit, int64_t &evaluations)
      : graph(graph), moves(graph, evaluations, valleyEffort), floor(floor),
        limit(limit), evaluations(evaluations) {}

  ExactOrder run();

private:
  void expand(int number);
  void reach(int parent, const OrderMove &move);
  llvm::SmallVector<int> trace(int number) const;

  const OrderGraph &graph;
  OrderMoves moves;
  int64_t floor, limit;
  int64_t &evaluations;
  std::vector<Reached> states;
  std::unordered_map<TaskSet, int, Hash> numbers;
  std::priority_queue<Waiting> waiting;
};

void ExactSearch::reach(int parent, const OrderMove &move) {
  int64_t peak = std::max(states[parent].peak, move.cost);
  if (peak >= limit)
    return;
  OrderState state = moves.apply(states[parent].state, move);
  --evaluations;
  auto [it, isNew] = numbers.try_emplace(state.done, states.size());
  int number = it->second, count = state.done.count();
  int64_t live = state.live;
  if (isNew) {
    states.push_back({std::move(state), peak, parent, move.tasks});
  } else {
    Reached &old = states[number];
    if (old.expanded || old.peak <= peak)
      return;
    old.peak = peak;
    old.parent = parent;
    old.tasks = move.tasks;
  }
  waiting.push({peak, count, live, number});
}

void ExactSearch::expand(int number) {
  states[number].expanded = true;
  llvm::SmallVector<OrderMove> next =
      moves.find(states[number].state, states[number].peak);
  for (const OrderMove &move : next)
    reach(number, move);
}

llvm::SmallVector<int> ExactSearch::trace(int number) const {
  llvm::SmallVector<int> order;
  for (; number >= 0; number = states[number].parent)
    llvm::append_range(order, llvm::reverse(states[number].tasks));
  if (graph.getDirection() == Direction::Forward)
    std::reverse(order.begin(), order.end());
  return order;
}

ExactOrder ExactSearch::run() {
  OrderState start = moves.getStart();
  int64_t words = 2 + start.done.getWords().size();
  numbers[start.done] = 0;
  states.push_back({start, floor, -1, {}});
  waiting.push({floor, 0, start.live, 0});
  while (!waiting.empty()) {
    Waiting next = waiting.top();
    if (evaluations <= 0 ||
        static_cast<int64_t>(states.size()) * words > mostWords)
      return {{}, next.peak};
    waiting.pop();
    if (next.done == graph.size())
      return {trace(next.number), next.peak};
    if (!states[next.number].expanded)
      expand(next.number);
  }
  return {{}, limit};
}

} // namespace

ExactOrder mlir::pock::findExactOrder(const OrderGraph &graph, int valleyEffort,
                                      int64_t floor, int64_t limit,
                                      int64_t &evaluations) {
  if (floor >= limit)
    return {{}, limit};
  return ExactSearch(graph, valleyEffort, floor, limit, evaluations).run();
}
