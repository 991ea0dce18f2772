//===- OrderMoves.cpp - Sufficient moves of a search for an order ---------===//

#include "OrderMoves.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace mlir::pock;

/// The maximum length of a chain of lazy tasks.
static constexpr int deepest = 4;
/// The maximum length of a chain of tasks that must free memory at its end.
static constexpr int farthest = 4;

OrderMoves::OrderMoves(const OrderGraph &graph, int64_t &evaluations,
                       int valleyEffort)
    : graph(graph), evaluations(evaluations), valleyEffort(valleyEffort),
      lazy(graph.size(), false) {
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

/// Adds the tasks to `list` that become open after `task`.
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

/// Removes the tasks of `move` from number `first` on from `done`.
static void takeBack(TaskSet &done, const OrderMove &move, size_t first = 0) {
  for (int t : llvm::ArrayRef<int>(move.tasks).drop_front(first))
    done.remove(t);
}

bool OrderMoves::descend(TaskSet &done, OrderMove &move, int64_t live,
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
    OrderMove longer = move;
    run(done, longer, t);
    bool arrives = descend(done, longer, live, threshold, depth + 1);
    takeBack(done, longer, move.tasks.size());
    if (arrives) {
      move = std::move(longer);
      return true;
    }
  }
  return false;
}

llvm::SmallVector<OrderMove> OrderMoves::find(const OrderState &state,
                                              int64_t threshold) {
  llvm::SmallVector<OrderMove> moves;
  TaskSet done = state.done;
  for (int t : state.ready) {
    OrderMove move = {{}, 0, state.live};
    run(done, move, t);
    takeBack(done, move);
    if (move.cost <= threshold && move.live <= state.live)
      return {move};
    moves.push_back(std::move(move));
  }
  for (const OrderMove &move : moves) {
    OrderMove longer = move;
    for (int t : move.tasks)
      done.add(t);
    bool arrives = descend(done, longer, state.live, threshold, 1);
    takeBack(done, move);
    if (arrives)
      return {longer};
  }
  if (valleyEffort > 0)
    if (OrderMove valley = findValley(state, threshold); !valley.tasks.empty())
      return {valley};
  return moves;
}

OrderMove OrderMoves::findValley(const OrderState &state, int64_t threshold) {
  // Expand sets with the fewest live bytes first, and of these the smallest
  // one: a subset of a result with fewer live bytes is then found before it.
  struct Reached {
    OrderState state;
    OrderMove move;
    bool expanded = false;
  };
  llvm::SmallVector<Reached, 0> sets;
  sets.push_back({state, {{}, 0, state.live}});
  for (int i = 0; i < valleyEffort; ++i) {
    Reached *next = nullptr;
    for (Reached &set : sets)
      if (!set.expanded &&
          (!next ||
           std::make_pair(set.move.live, set.move.tasks.size()) <
               std::make_pair(next->move.live, next->move.tasks.size())))
        next = &set;
    if (!next)
      break;
    if (i > 0 && next->move.live <= state.live)
      return next->move;
    next->expanded = true;
    Reached from = *next;
    for (int t : from.state.ready) {
      TaskSet done = from.state.done;
      OrderMove move = from.move;
      run(done, move, t);
      if (move.cost > threshold || llvm::any_of(sets, [&](const Reached &set) {
            return set.move.live == move.live && set.state.done == done;
          }))
        continue;
      OrderMove last = move;
      last.tasks.erase(last.tasks.begin(),
                       last.tasks.begin() + from.move.tasks.size());
      sets.push_back({apply(from.state, last), move});
    }
  }
  return {};
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
