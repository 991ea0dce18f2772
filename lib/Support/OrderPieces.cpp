//===- OrderPieces.cpp - Parts of an order as problems of their own -------===//

#include "OrderPieces.h"
#include "OrderBound.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace mlir::pock;

Piece mlir::pock::cutOut(llvm::ArrayRef<Task> tasks,
                         llvm::ArrayRef<Buffer> buffers,
                         llvm::ArrayRef<int> order, int begin, int end) {
  llvm::SmallVector<int> position(tasks.size()), maker(buffers.size(), -1),
      last(buffers.size(), -1), number(buffers.size(), -1);
  for (auto [i, t] : llvm::enumerate(order)) {
    position[t] = i;
    for (int b : tasks[t].reads)
      last[b] = i;
    for (int b : tasks[t].writes)
      maker[b] = i;
  }
  Piece piece;
  auto numberOf = [&](int b) {
    if (number[b] < 0) {
      number[b] = piece.buffers.size();
      piece.buffers.push_back(
          {buffers[b].bytes, buffers[b].kept || last[b] >= end});
    }
    return number[b];
  };
  for (int t : order.slice(begin, end - begin)) {
    Task task = tasks[t];
    for (int &b : task.reads)
      b = numberOf(b);
    for (int &b : task.writes)
      b = numberOf(b);
    llvm::erase_if(task.inPlace, [&](std::pair<int, int> pair) {
      return !llvm::is_contained(tasks[t].writes, pair.first) ||
             !llvm::is_contained(tasks[t].reads, pair.second);
    });
    for (auto &[written, read] : task.inPlace) {
      written = numberOf(written);
      read = numberOf(read);
    }
    llvm::erase_if(task.after, [&](int u) { return position[u] < begin; });
    for (int &u : task.after)
      u = position[u] - begin;
    piece.tasks.push_back(task);
  }
  // Bytes that are live all the time without being used.
  Buffer beside = {0, true};
  for (auto [b, buffer] : llvm::enumerate(buffers))
    if (number[b] < 0 && maker[b] < begin && (last[b] >= end || (buffer.kept)))
      beside.bytes += buffer.bytes;
  piece.buffers.push_back(beside);
  return piece;
}

llvm::SmallVector<int> mlir::pock::findForced(const OrderGraph &graph,
                                              llvm::ArrayRef<int> order) {
  Reach reach(graph);
  llvm::SmallVector<int> positions;
  // The longest prefix of `order` that precedes all tasks from here on.
  int longest = order.size();
  for (int i = order.size(); i > 0; --i) {
    if (longest >= i)
      positions.push_back(i);
    int common = 0;
    while (common < longest && reach.before[order[i - 1]].has(order[common]))
      ++common;
    longest = common;
  }
  positions.push_back(0);
  std::reverse(positions.begin(), positions.end());
  return positions;
}
