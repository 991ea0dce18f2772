//===- OrderMoves.h - What a search for an order need try next ------------===//
//
// From a set of done tasks a search needs to try only some of those that are
// ready. Both rules rest on one fact: the bytes alive after a set of tasks are
// a submodular function of the set.
//
// Eager: if some tasks fit under the threshold and leave no more bytes alive
// than before, and fewer tasks of them would leave more, they may run at once:
// every order that fits still does with them moved to the front. This is the
// valley of Liu's hill-valley segments ("An application of generalized tree
// pebbling to sparse matrix factorization", 1987), for any graph.
//
// Lazy: a task that never frees more than it leaves, and needs no more while
// it runs than each task that reads from it, need not run before one of them
// does.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_ORDERMOVES_H
#define POCK_SUPPORT_ORDERMOVES_H

#include "OrderGraph.h"

namespace mlir::pock {

/// Tasks that are done, and what follows from that.
struct OrderState {
  TaskSet done;
  int64_t live = 0;
  /// Not lazy, and waiting for no task but lazy ones.
  llvm::SmallVector<int, 8> ready;
};

/// Tasks to run one after the other; `cost` is the largest number of bytes
/// alive on the way, `live` the number alive after it.
struct OrderMove {
  llvm::SmallVector<int, 4> tasks;
  int64_t cost = 0;
  int64_t live = 0;
};

class OrderMoves {
public:
  /// Each look at what a task does to memory takes one from `evaluations`.
  /// Valleys are sought among so many sets after each.
  OrderMoves(const OrderGraph &graph, int64_t &evaluations,
             int valleyEffort = 0);

  OrderState getStart() const;
  /// The moves to try: if any order fits under `threshold` after `state`, one
  /// does that begins with one of these, of which the one that is eager comes
  /// alone. What costs more is among them, too.
  llvm::SmallVector<OrderMove> find(const OrderState &state, int64_t threshold);
  /// The state after `move`.
  OrderState apply(const OrderState &state, const OrderMove &move) const;

private:
  bool isLazy(int task) const;
  /// Whether nothing but lazy tasks must run before `task`.
  bool isOpen(const TaskSet &done, int task) const;
  /// Runs what `task` waits for, and `task`.
  void run(TaskSet &done, OrderMove &move, int task);
  /// Adds tasks to `move` until no more than `live` bytes are alive; false if
  /// there is no short chain of tasks that does it under `threshold`.
  bool descend(TaskSet &done, OrderMove &move, int64_t live, int64_t threshold,
               int depth);
  /// The tasks that lead to a set, no larger than need be, that leaves no more
  /// bytes alive than `state`; none if that is far.
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
