//===- OrderMoves.cpp - What a search for an order need try next ----------===//

#include "OrderMoves.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace mlir::pock;

/// How many lazy tasks may wait for each other.
static constexpr int deepest = 4;
/// How many tasks of a chain are looked at for one that frees.
static constexpr int farthest = 4;

OrderMoves::OrderMoves(const OrderGraph &graph, int64_t &evaluations)
    : graph(graph), evaluations(evaluations), lazy(graph.size(), false) {
  llvm::SmallVector<int> depth(graph.size(), 0);
  for (int t : graph.getTopological()) {
    for (int u : graph.getBefore(t))
      depth[t] = std::max(depth[t], depth[u]);
    lazy[t] = depth[t] < deepest && isLazy(t);
    depth[t] = lazy[t] ? depth[t] + 1 : 0;
  }
}

bool OrderMoves::isLazy(int task) const {
  if (graph.getBehind(task).empty())
    return false;
  const OrderGraph::Limits &limits = graph.getLimits(task);
  return limits.net >= 0 && llvm::all_of(graph.getBehind(task), [&](int v) {
           return limits.passing <= graph.getLimits(v).during;
         });
}

bool OrderMoves::isOpen(const TaskSet &done, int task) const {
  return llvm::all_of(graph.getBefore(task), [&](int u) {
    return done.has(u) || (lazy[u] && isOpen(done, u));
  });
}

OrderState OrderMoves::getStart() const {
  OrderState state = {TaskSet(graph.size()), graph.getInitial(), {}};
  for (int t = 0; t < graph.size(); ++t)
    if (!lazy[t] && isOpen(state.done, t))
      state.ready.push_back(t);
  return state;
}

void OrderMoves::run(TaskSet &done, OrderMove &move, int task) {
  for (int u : graph.getBefore(task))
    if (!done.has(u))
      run(done, move, u);
  Effect effect = graph.getEffect(done, task);
  --evaluations;
  move.cost = std::max(move.cost, move.live + effect.during);
  move.live += effect.net;
  move.tasks.push_back(task);
  done.add(task);
}

/// Adds to `list` what is open after `task`.
void OrderMoves::collectBehind(const TaskSet &done, int task,
                               llvm::SmallVectorImpl<int> &list) const {
  for (int v : graph.getBehind(task))
    if (!done.has(v)) {
      if (lazy[v])
        collectBehind(done, v, list);
      else if (!llvm::is_contained(list, v) && isOpen(done, v))
        list.push_back(v);
    }
}

bool OrderMoves::descend(const TaskSet &done, OrderMove &move, int64_t live,
                         int64_t threshold, int depth) {
  if (move.cost > threshold)
    return false;
  if (move.live <= live)
    return true;
  if (depth == farthest)
    return false;
  llvm::SmallVector<int, 4> next;
  collectBehind(done, move.tasks.back(), next);
  for (int t : next) {
    TaskSet after = done;
    OrderMove longer = move;
    run(after, longer, t);
    if (descend(after, longer, live, threshold, depth + 1)) {
      move = longer;
      return true;
    }
  }
  return false;
}

llvm::SmallVector<OrderMove> OrderMoves::find(const OrderState &state,
                                              int64_t threshold) {
  llvm::SmallVector<OrderMove> moves;
  llvm::SmallVector<TaskSet> after;
  for (int t : state.ready) {
    TaskSet done = state.done;
    OrderMove move = {{}, 0, state.live};
    run(done, move, t);
    if (move.cost <= threshold && move.live <= state.live)
      return {move};
    moves.push_back(std::move(move));
    after.push_back(std::move(done));
  }
  for (auto [move, done] : llvm::zip(moves, after))
    if (OrderMove longer = move;
        descend(done, longer, state.live, threshold, 1))
      return {longer};
  return moves;
}

OrderState OrderMoves::apply(const OrderState &state,
                             const OrderMove &move) const {
  OrderState next = {state.done, move.live, {}};
  for (int t : move.tasks)
    next.done.add(t);
  for (int t : state.ready)
    if (!next.done.has(t))
      next.ready.push_back(t);
  for (int t : move.tasks)
    collectBehind(next.done, t, next.ready);
  return next;
}
