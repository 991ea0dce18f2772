//===- Recompute.h - Run tasks again instead of keeping what they made ----===//
//
// Numbers to numbers: knows no IR. Given tasks in an order that needs too much
// memory at one moment, lets values that are alive there without being used die
// early, and runs the task that made them again in front of the next reader
// (activation checkpointing; Chen et al., "Training Deep Nets with Sublinear
// Memory Cost", 2016; as a search over single values: Kirisame et al., "Dynamic
// Tensor Rematerialization", 2021). What a repeated task reads is in turn kept
// longer or made again. Greedy: the value that frees most for its cost comes
// first. Deterministic.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_RECOMPUTE_H
#define POCK_SUPPORT_RECOMPUTE_H

#include "OrderSearch.h"

namespace mlir::pock {

/// What running a task once more costs, in any unit; negative if it must not
/// run twice.
using TaskCost = int64_t;

/// Tasks with repetitions, in an order.
struct Recomputation {
  /// All tasks: the given ones under their numbers, then the repeated ones.
  llvm::SmallVector<Task, 0> tasks;
  llvm::SmallVector<Buffer> buffers;
  /// The given task, and the given buffer, that each one is or repeats.
  llvm::SmallVector<int> taskOf, bufferOf;
  llvm::SmallVector<int> order;
  int64_t peak = 0;
  /// Of all repetitions.
  int64_t cost = 0;
};

/// Repeats tasks until at most `limit` bytes are alive at any moment of
/// `order`, or until no repetition helps: then `peak` is above `limit`, and the
/// least that is found for any smaller limit. That and all above it are reached
/// when asked for. `costs` has one entry per task.
Recomputation recompute(llvm::ArrayRef<Task> tasks,
                        llvm::ArrayRef<Buffer> buffers,
                        llvm::ArrayRef<int> order,
                        llvm::ArrayRef<TaskCost> costs, int64_t limit);

} // namespace mlir::pock

#endif // POCK_SUPPORT_RECOMPUTE_H
