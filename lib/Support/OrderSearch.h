//===- OrderSearch.h - The order of tasks that needs the least memory -----===//
//
// Numbers to numbers: knows no IR. Finding the order of a directed acyclic
// graph with the least peak of live bytes is NP-hard; small graphs are solved
// exactly, large ones by the best of several strategies, with a bound that no
// order can beat. Deterministic: effort is counted, never timed.
//
// Use: number the values (buffers) and the launches (tasks) in program order,
// then
//
//   SmallVector<Buffer> buffers;  // buffers[v] = {bytes, kept}
//   SmallVector<Task> tasks;      // tasks[t].reads = {...}, .writes = {...}
//   Order order = findOrder(tasks, buffers);
//   // order.tasks[i] is the task that runs i-th; order.peak its peak.
//
// What must not be reordered and is not seen from reads and writes is an edge
// in `after`: the update of a weight comes after all readers of the old value.
// A task that always writes over a buffer has it in `reads`, the pair in
// `inPlace`, and all other readers of the old content in `after`.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_ORDERSEARCH_H
#define POCK_SUPPORT_ORDERSEARCH_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <utility>

namespace mlir::pock {

/// What one task makes and others read: alive from the task that makes it to
/// the last that reads it, both included. One that no task makes is alive from
/// the beginning; one that no task reads, during its maker only.
struct Buffer {
  int64_t bytes = 0;
  /// Alive to the end of the order, whoever reads it.
  bool kept = false;
};

struct Task {
  /// Bytes alive during this task only.
  int64_t workspace = 0;
  /// Numbers of buffers. A buffer is written by at most one task.
  llvm::SmallVector<int> reads, writes;
  /// Tasks that must come before, in addition to the makers of `reads`.
  llvm::SmallVector<int> after;
  /// (written, read) of the same number of bytes: if this task is the last
  /// reader of `read`, `written` takes its place, and both count once while the
  /// task runs. Each buffer takes part in one pair; the first that applies
  /// wins.
  llvm::SmallVector<std::pair<int, int>> inPlace;
};

struct Order {
  /// The tasks in the order in which they run.
  llvm::SmallVector<int> tasks;
  /// The largest number of bytes alive at once.
  int64_t peak = 0;
  /// No order has a smaller peak.
  int64_t bound = 0;

  bool isOptimal() const { return peak == bound; }
};

struct OrderOptions {
  /// How often the search may look at what one task does to memory, in all;
  /// if negative, what takes tenths of a second for hundreds of tasks.
  int64_t evaluations = -1;
};

/// Whether `order` has each task once, and after what it depends on.
bool isValidOrder(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
                  llvm::ArrayRef<int> order);

/// The bytes alive while each task of `order` runs, by position.
llvm::SmallVector<int64_t> liveBytes(llvm::ArrayRef<Task> tasks,
                                     llvm::ArrayRef<Buffer> buffers,
                                     llvm::ArrayRef<int> order);

/// The largest of `liveBytes`, and in `positions` where it is reached.
int64_t peakOf(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
               llvm::ArrayRef<int> order,
               llvm::SmallVectorImpl<int> *positions = nullptr);

/// No order has a smaller peak: the most that any task needs together with all
/// buffers that are alive beside it in every order.
int64_t lowerBoundOfOrders(llvm::ArrayRef<Task> tasks,
                           llvm::ArrayRef<Buffer> buffers);

/// The best order found; never worse than `given`, which must be valid. An
/// empty `given` stands for the order of the numbers.
Order findOrder(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
                llvm::ArrayRef<int> given = {}, OrderOptions options = {});

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERSEARCH_H
