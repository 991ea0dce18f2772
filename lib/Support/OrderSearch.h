//===- OrderSearch.h - The order of tasks that needs the least memory -----===//
//
// Works on numbers, without IR. Finding the order of a directed acyclic graph
// with the lowest peak of live bytes is NP-hard. Small graphs are solved
// exactly, large ones by the best of several strategies, with a lower bound for
// all orders. Deterministic: effort is counted, never timed.
//
// Use: number the values (buffers) and the launches (tasks) in program order,
// then
//
//   SmallVector<Buffer> buffers;  // buffers[v] = {bytes, kept}
//   SmallVector<Task> tasks;      // tasks[t].reads = {...}, .writes = {...}
//   Order order = findOrder(tasks, buffers);
//   // order.tasks[i] is the task that runs i-th; order.peak its peak.
//
// A constraint that reads and writes do not imply is an edge in `after`: the
// update of a weight comes after all readers of the old value. A task that
// always writes over a buffer has it in `reads`, the pair in `inPlace`, and all
// other readers of the old content in `after`.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_ORDERSEARCH_H
#define POCK_SUPPORT_ORDERSEARCH_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <utility>

namespace mlir::pock {

/// A value that one task makes and others read. It is live from its maker to
/// its last reader, both included. Without a maker, it is live from the
/// beginning; without a reader, only during its maker.
struct Buffer {
  int64_t bytes = 0;
  /// Live to the end of the order, independently of its readers.
  bool kept = false;
};

struct Task {
  /// Bytes that are live during this task only.
  int64_t workspace = 0;
  /// Indices of buffers. At most one task writes a buffer.
  llvm::SmallVector<int> reads, writes;
  /// Tasks that must come before, in addition to the makers of `reads`.
  llvm::SmallVector<int> after;
  /// Pairs (written, read) of equal size. If this task is the last reader of
  /// `read`, `written` takes its place, and both count once while the task
  /// runs. Each buffer occurs in one pair; the first pair that applies wins.
  llvm::SmallVector<std::pair<int, int>> inPlace;
};

struct Order {
  /// The tasks in the order in which they run.
  llvm::SmallVector<int> tasks;
  /// The maximum of live bytes.
  int64_t peak = 0;
  /// A lower bound for the peak of all orders.
  int64_t bound = 0;

  bool isOptimal() const { return peak == bound; }
};

struct OrderOptions {
  /// Limit of the total number of evaluations of a task's effect on memory. If
  /// negative, a limit that takes tenths of a second for hundreds of tasks.
  int64_t evaluations = -1;
};

/// Whether `order` has each task once, and after its dependences.
bool isValidOrder(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
                  llvm::ArrayRef<int> order);

/// The live bytes while each task of `order` runs, by position.
llvm::SmallVector<int64_t> liveBytes(llvm::ArrayRef<Task> tasks,
                                     llvm::ArrayRef<Buffer> buffers,
                                     llvm::ArrayRef<int> order);

/// The maximum of `liveBytes`; `positions` receives where it is reached.
int64_t peakOf(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
               llvm::ArrayRef<int> order,
               llvm::SmallVectorImpl<int> *positions = nullptr);

/// A lower bound for the peak of all orders: the maximum over tasks of the
/// bytes of the task plus all buffers that are live beside it in every order.
int64_t lowerBoundOfOrders(llvm::ArrayRef<Task> tasks,
                           llvm::ArrayRef<Buffer> buffers);

/// The best order found, never worse than `given`, which must be valid. An
/// empty `given` means the order of the indices.
Order findOrder(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
                llvm::ArrayRef<int> given = {}, OrderOptions options = {});

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERSEARCH_H
