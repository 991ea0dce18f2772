//===- OrderGraph.cpp - tasks, and their effect on memory -----------------===//

#include "OrderGraph.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

using namespace mlir::pock;

int TaskSet::count() const {
  int sum = 0;
  for (uint64_t word : words)
    sum += llvm::popcount(word);
  return sum;
}

static void addOnce(llvm::SmallVectorImpl<int> &list, int number) {
  if (!llvm::is_contained(list, number))
    list.push_back(number);
}

OrderGraph::OrderGraph(llvm::ArrayRef<Task> given,
                       llvm::ArrayRef<Buffer> buffers, Direction direction)
    : tasks(given.size()) {
  for (const Buffer &buffer : buffers)
    contents.push_back({buffer.bytes, buffer.kept, -1, {}});
  addTasks(given);
  addBytes(given);
  if (direction == Direction::Backward)
    turnRound();
}

/// Collects makers, readers and dependences.
void OrderGraph::addTasks(llvm::ArrayRef<Task> given) {
  for (auto [t, task] : llvm::enumerate(given))
    for (int b : task.writes)
      contents[b].maker = t;
  for (auto [t, task] : llvm::enumerate(given)) {
    Node &node = tasks[t];
    llvm::SmallVector<int> before(task.after);
    for (int b : task.reads) {
      if (contents[b].maker == static_cast<int>(t))
        continue;
      addOnce(node.reads, b);
      addOnce(contents[b].readers, t);
      if (contents[b].maker >= 0)
        before.push_back(contents[b].maker);
    }
    llvm::sort(before);
    before.erase(llvm::unique(before), before.end());
    node.before.append(before.begin(), before.end());
    for (int u : before)
      tasks[u].behind.push_back(t);
  }
}

/// Computes the byte counts that do not depend on the order.
void OrderGraph::addBytes(llvm::ArrayRef<Task> given) {
  for (const Content &content : contents) {
    if (content.maker < 0 && (content.kept || !content.readers.empty()))
      initial += content.bytes;
    if (content.kept)
      final += content.bytes;
  }
  TaskSet all(size());
  for (int t = 0; t < size(); ++t)
    all.add(t);
  for (auto [t, task] : llvm::enumerate(given)) {
    Node &node = tasks[t];
    node.made = task.workspace;
    for (int b : task.writes) {
      node.made += contents[b].bytes;
      if (contents[b].kept || !contents[b].readers.empty())
        node.left += contents[b].bytes;
    }
    for (auto [written, read] : task.inPlace)
      if (llvm::is_contained(task.writes, written) &&
          llvm::is_contained(node.reads, read) && !contents[read].kept &&
          contents[written].bytes == contents[read].bytes)
        node.inPlace.push_back({written, read});
    // With more finished tasks, more bytes die and are reused; the dying bytes
    // grow at least as much as the reused bytes.
    Effect last = getEffect(all, t);
    node.limits = {last.during, last.net, last.during - last.net};
  }
}

void OrderGraph::turnRound() {
  TaskSet none(size());
  for (int t = 0; t < size(); ++t) {
    Node &node = tasks[t];
    Effect first = getEffect(none, t);
    node.limits = {first.during - first.net, -first.net, first.during};
    std::swap(node.before, node.behind);
  }
  std::swap(initial, final);
  direction = Direction::Backward;
}

llvm::SmallVector<int> OrderGraph::getTopological() const {
  llvm::SmallVector<int> order, waitsFor;
  for (int t = 0; t < size(); ++t) {
    waitsFor.push_back(tasks[t].before.size());
    if (waitsFor.back() == 0)
      order.push_back(t);
  }
  for (size_t i = 0; i < order.size(); ++i)
    for (int v : tasks[order[i]].behind)
      if (--waitsFor[v] == 0)
        order.push_back(v);
  return order;
}

bool OrderGraph::isReady(const TaskSet &done, int task) const {
  return llvm::all_of(tasks[task].before, [&](int u) { return done.has(u); });
}

/// Whether `reader` is the last to read `buffer`.
bool OrderGraph::dies(const TaskSet &done, int buffer, int reader) const {
  const Content &content = contents[buffer];
  if (content.kept)
    return false;
  bool backward = direction == Direction::Backward;
  // Start from the end: readers late in program order are mostly not finished.
  return llvm::all_of(llvm::reverse(content.readers), [&](int u) {
    return u == reader || done.has(u) != backward;
  });
}

/// The bytes that `task` writes over buffers that die with it. The first pair
/// that applies wins. Buffers of a pair have equal size, so more dying buffers
/// never mean fewer reused bytes.
int64_t OrderGraph::findReused(const TaskSet &done, int task) const {
  int64_t bytes = 0;
  llvm::SmallVector<int, 4> taken;
  for (auto [written, read] : tasks[task].inPlace)
    if (!llvm::is_contained(taken, written) &&
        !llvm::is_contained(taken, read) && dies(done, read, task)) {
      taken.append({written, read});
      bytes += contents[written].bytes;
    }
  return bytes;
}

Effect OrderGraph::getEffect(const TaskSet &done, int task) const {
  const Node &node = tasks[task];
  Effect effect = {node.made, node.left};
  for (int b : node.reads)
    if (dies(done, b, task))
      effect.net -= contents[b].bytes;
  if (!node.inPlace.empty())
    effect.during -= findReused(done, task);
  if (direction == Direction::Backward)
    return {effect.during - effect.net, -effect.net};
  return effect;
}
