//===- OrderMoves.h - What a search for an order need try next ------------===//
//
// From a set of done tasks a search needs to try only some of those that are
// ready. Both rules rest on one fact: the bytes alive after a set S of tasks,
// live(S), are submodular: live(S & T) + live(S | T) <= live(S) + live(T). Each
// buffer adds its bytes if its maker is in S, and takes them away if all its
// readers are.
//
// Eager: let R contain S, live(R) <= live(W) for all W between S and R, and let
// R be reached from S under the threshold. Then if any order fits after S, one
// that goes to R first does: run behind R whatever of it is left, in the same
// order. Instead of a set Q it passes Q | R, and live(Q | R) <= live(Q) +
// live(R) - live(Q & R) <= live(Q). This is the step from valley to valley of
// Liu ("An application of generalized tree pebbling to sparse matrix
// factorization", 1987), for any graph.
//
// Lazy: a task that never frees more than it leaves, and needs no more while
// it runs than each task that reads from it, need not run before one of them
// does.
//
// Reuse in place does not disturb either: where a task loses it because another
// reader comes later, that reader frees the buffer instead.
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
