//===- OrderMoves.h - Sufficient moves of a search for an order -----------===//
//
// From a set of done tasks, a search only needs to try some of the ready tasks.
// Both rules use the fact that live(S), the bytes that are live after a set S
// of tasks, is submodular: live(S & T) + live(S | T) <= live(S) + live(T). Each
// buffer adds its bytes if its maker is in S, and subtracts them if all its
// readers are in S.
//
// Eager: let R contain S, let live(R) <= live(W) for all W between S and R, and
// let R be reachable from S under the threshold. If any order after S fits, an
// order that first goes to R also fits: after R, run the remaining tasks of the
// fitting order in the same sequence. This passes Q | R in place of a set Q,
// and live(Q | R) <= live(Q) + live(R) - live(Q & R) <= live(Q). It generalises
// the step from valley to valley of Liu ("An application of generalized tree
// pebbling to sparse matrix factorization", 1987) to any graph.
//
// Lazy: if a task never frees more than it leaves, and never needs more memory
// while it runs than each task that depends on it, it need not run before one
// of those tasks needs it.
//
// Reuse in place affects neither rule: if a task cannot reuse a buffer because
// another reader comes later, that reader frees the buffer instead.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_ORDERMOVES_H
#define POCK_SUPPORT_ORDERMOVES_H

#include "OrderGraph.h"

namespace mlir::pock {

/// A set of done tasks, with its live bytes and ready tasks.
struct OrderState {
  TaskSet done;
  int64_t live = 0;
  /// Tasks that are not lazy, and whose unfinished dependences are all lazy.
  llvm::SmallVector<int, 8> ready;
};

/// Tasks to run in this order; `cost` is the maximum of live bytes during them,
/// `live` are the live bytes after them.
struct OrderMove {
  llvm::SmallVector<int, 4> tasks;
  int64_t cost = 0;
  int64_t live = 0;
};

class OrderMoves {
public:
  /// Each evaluation of a task's effect on memory subtracts one from
  /// `evaluations`. `valleyEffort` limits the sets that each search for a
  /// valley expands.
  OrderMoves(const OrderGraph &graph, int64_t &evaluations,
             int valleyEffort = 0);

  OrderState getStart() const;
  /// The moves to try: if any order after `state` fits under `threshold`, one
  /// that begins with one of these moves does. If a move is eager, it is the
  /// only one. Moves that cost more than `threshold` are included.
  llvm::SmallVector<OrderMove> find(const OrderState &state, int64_t threshold);
  /// The state after `move`.
  OrderState apply(const OrderState &state, const OrderMove &move) const;

private:
  bool isLazy(int task) const;
  /// Whether all unfinished tasks that must run before `task` are lazy.
  bool isOpen(const TaskSet &done, int task) const;
  /// Runs the unfinished tasks before `task`, and `task`.
  void run(TaskSet &done, OrderMove &move, int task);
  /// Adds tasks to `move` until at most `live` bytes are live; false if no
  /// short chain of tasks does that under `threshold`.
  bool descend(TaskSet &done, OrderMove &move, int64_t live, int64_t threshold,
               int depth);
  /// The tasks that lead to a smallest set with no more live bytes than
  /// `state`; none if the search does not reach one.
  OrderMove findValley(const OrderState &state, int64_t threshold);
  void collectBehind(const TaskSet &done, int task,
                     llvm::SmallVectorImpl<int> &list) const;

  const OrderGraph &graph;
  int64_t &evaluations;
  int valleyEffort;
  llvm::SmallVector<bool> lazy;
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERMOVES_H
