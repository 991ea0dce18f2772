//===- Recompute.h - recompute values instead of keeping them -------------===//
//
// Works on numbers, without IR. Given tasks in an order that exceeds a limit at
// some moment, the search picks values that are live there without being used.
// Such a value dies early, and the task that made it runs again before the next
// reader (activation checkpointing; Chen et al., "Training Deep Nets with
// Sublinear Memory Cost", 2016; as a search over single values: Kirisame et
// al., "Dynamic Tensor Rematerialization", 2021). Operands of a repeated task
// are kept longer or recomputed in turn. Greedy: the value that frees most for
// its cost comes first. Deterministic.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_RECOMPUTE_H
#define POCK_SUPPORT_RECOMPUTE_H

#include "OrderSearch.h"

namespace mlir::pock {

/// The cost of running a task once more, in any unit; negative if it must not
/// run twice.
using TaskCost = int64_t;

/// Tasks with repetitions, in an order.
struct Recomputation {
  /// All tasks: the given ones with their indices, then the repeated ones.
  llvm::SmallVector<Task, 0> tasks;
  llvm::SmallVector<Buffer> buffers;
  /// For each task and buffer, the given one that it is or repeats.
  llvm::SmallVector<int> taskOf, bufferOf;
  llvm::SmallVector<int> order;
  int64_t peak = 0;
  /// Sum of the costs of all repetitions.
  int64_t cost = 0;
};

/// Repeats tasks until at most `limit` bytes are live at any moment of `order`,
/// or until no repetition helps. In that case `peak` is above `limit`, and is
/// the lowest peak that is found for any smaller limit. A search with that
/// limit, or any larger one, succeeds. `costs` has one entry per task.
Recomputation recompute(llvm::ArrayRef<Task> tasks,
                        llvm::ArrayRef<Buffer> buffers,
                        llvm::ArrayRef<int> order,
                        llvm::ArrayRef<TaskCost> costs, int64_t limit);

} // namespace mlir::pock

#endif // POCK_SUPPORT_RECOMPUTE_H
