//===- OrderGraph.h - tasks, and their effect on memory -------------------===//
//
// Shared by the strategies of OrderSearch.h. The number of live bytes depends
// on the set of finished tasks, not on their order, so that set is the state of
// every search.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_ORDERGRAPH_H
#define POCK_SUPPORT_ORDERGRAPH_H

#include "OrderSearch.h"

namespace mlir::pock {

/// A set of tasks, one bit each.
class TaskSet {
public:
  TaskSet() = default;
  explicit TaskSet(int tasks) : words((tasks + 63) / 64, 0) {}

  bool has(int task) const { return words[task / 64] >> (task % 64) & 1; }
  void add(int task) { words[task / 64] |= uint64_t(1) << (task % 64); }
  void remove(int task) { words[task / 64] &= ~(uint64_t(1) << (task % 64)); }
  void unite(const TaskSet &other) {
    for (size_t i = 0; i < words.size(); ++i)
      words[i] |= other.words[i];
  }
  int count() const;
  llvm::ArrayRef<uint64_t> getWords() const { return words; }
  bool operator==(const TaskSet &other) const { return words == other.words; }

private:
  llvm::SmallVector<uint64_t, 4> words;
};

/// The effect of a task on memory when it runs after a set of others.
struct Effect {
  /// Live bytes while it runs, minus live bytes before.
  int64_t during = 0;
  /// Live bytes after it, minus live bytes before.
  int64_t net = 0;
};

/// The end from which orders are built.
enum class Direction { Forward, Backward };

/// With direction Backward, time runs in reverse: a task is finished if it runs
/// late, and values live before a task are live after it.
class OrderGraph {
public:
  OrderGraph(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
             Direction direction = Direction::Forward);

  int size() const { return tasks.size(); }
  Direction getDirection() const { return direction; }
  /// Bytes alive before the first task.
  int64_t getInitial() const { return initial; }
  llvm::ArrayRef<int> getBefore(int task) const { return tasks[task].before; }
  llvm::ArrayRef<int> getBehind(int task) const { return tasks[task].behind; }

  /// All tasks, each after its dependences.
  llvm::SmallVector<int> getTopological() const;
  /// Whether `task` may run when the tasks in `done` are finished.
  bool isReady(const TaskSet &done, int task) const;
  /// The effect of running `task` when the tasks in `done` are finished.
  Effect getEffect(const TaskSet &done, int task) const;
  /// Bounds on `getEffect` over all sets of finished tasks: during >=
  /// limits.during, net >= limits.net, during - net <= limits.passing.
  struct Limits {
    int64_t during = 0, net = 0, passing = 0;
  };
  const Limits &getLimits(int task) const { return tasks[task].limits; }

  /// A buffer, as the searches see it.
  struct Content {
    int64_t bytes;
    bool kept;
    /// -1: alive from the beginning.
    int maker = -1;
    llvm::SmallVector<int, 4> readers;
  };
  llvm::ArrayRef<Content> getContents() const { return contents; }

private:
  struct Node {
    llvm::SmallVector<int, 4> before, behind;
    /// Buffers that another task makes.
    llvm::SmallVector<int, 4> reads;
    llvm::SmallVector<std::pair<int, int>, 1> inPlace;
    /// Bytes written and workspace; bytes written that outlive the task.
    int64_t made = 0, left = 0;
    Limits limits;
  };

  void addTasks(llvm::ArrayRef<Task> given);
  void addBytes(llvm::ArrayRef<Task> given);
  void turnRound();
  bool dies(const TaskSet &done, int buffer, int reader) const;
  int64_t findReused(const TaskSet &done, int task) const;

  llvm::SmallVector<Node, 0> tasks;
  llvm::SmallVector<Content, 0> contents;
  Direction direction = Direction::Forward;
  /// Bytes alive before the first task and after the last.
  int64_t initial = 0, final = 0;
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERGRAPH_H
