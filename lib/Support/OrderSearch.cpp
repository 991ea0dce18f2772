//===- OrderSearch.cpp - The order of tasks that needs the least memory ---===//
//
// The graph is cut where every order has finished the same tasks: the parts of
// a series composition can be ordered separately (Kayaaslan, Lambert, Marchal,
// Ucar, "Scheduling series-parallel task graphs to minimize peak memory",
// 2018). Parts that cannot raise the peak of the whole are not changed.
//
//===----------------------------------------------------------------------===//

#include "OrderSearch.h"
#include "OrderBound.h"
#include "OrderPieceSearch.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cassert>

namespace mlir::pock {

bool isValidOrder(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
                  llvm::ArrayRef<int> order) {
  OrderGraph graph(tasks, buffers);
  TaskSet done(graph.size());
  for (int t : order) {
    if (t < 0 || t >= graph.size() || done.has(t) || !graph.isReady(done, t))
      return false;
    done.add(t);
  }
  return static_cast<int>(order.size()) == graph.size();
}

llvm::SmallVector<int64_t> liveBytes(llvm::ArrayRef<Task> tasks,
                                     llvm::ArrayRef<Buffer> buffers,
                                     llvm::ArrayRef<int> order) {
  OrderGraph graph(tasks, buffers);
  TaskSet done(graph.size());
  int64_t live = graph.getInitial();
  llvm::SmallVector<int64_t> bytes;
  for (int t : order) {
    Effect effect = graph.getEffect(done, t);
    bytes.push_back(live + effect.during);
    live += effect.net;
    done.add(t);
  }
  return bytes;
}

int64_t peakOf(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
               llvm::ArrayRef<int> order,
               llvm::SmallVectorImpl<int> *positions) {
  llvm::SmallVector<int64_t> bytes = liveBytes(tasks, buffers, order);
  int64_t peak = bytes.empty() ? 0 : *llvm::max_element(bytes);
  if (positions) {
    positions->clear();
    for (auto [i, live] : llvm::enumerate(bytes))
      if (live == peak)
        positions->push_back(i);
  }
  return peak;
}

int64_t lowerBoundOfOrders(llvm::ArrayRef<Task> tasks,
                           llvm::ArrayRef<Buffer> buffers) {
  OrderGraph graph(tasks, buffers);
  llvm::SmallVector<int64_t> live = findAlwaysLive(graph, Reach(graph));
  return live.empty() ? 0 : *llvm::max_element(live);
}

/// The default effort for a graph of this size.
static int64_t getDefaultEffort(int64_t tasks) {
  return std::max<int64_t>(1'200'000, 1'800 * tasks);
}

Order findOrder(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
                llvm::ArrayRef<int> given, OrderOptions options) {
  Order order;
  order.tasks.assign(given.begin(), given.end());
  if (given.empty())
    for (size_t t = 0; t < tasks.size(); ++t)
      order.tasks.push_back(t);
  assert(isValidOrder(tasks, buffers, order.tasks) && "given by the caller");
  order.peak = peakOf(tasks, buffers, order.tasks);
  order.bound = lowerBoundOfOrders(tasks, buffers);
  int64_t evaluations = options.evaluations < 0 ? getDefaultEffort(tasks.size())
                                                : options.evaluations;
  // Tasks between two common sets are a separate problem.
  llvm::SmallVector<int> forced =
      findForced(OrderGraph(tasks, buffers), order.tasks);
  std::vector<PieceSearch> pieces;
  for (auto [begin, end] : llvm::zip(forced, llvm::drop_begin(forced)))
    pieces.emplace_back(cutOut(tasks, buffers, order.tasks, begin, end));
  for (PieceSearch &piece : pieces) {
    piece.improveFast(order.bound, evaluations);
    order.bound = std::max(order.bound, piece.getBound());
  }
  // The remaining effort is divided among the pieces that decide the peak.
  int open = llvm::count_if(pieces, [&](const PieceSearch &piece) {
    return piece.getPeak() > order.bound;
  });
  for (PieceSearch &piece : pieces) {
    if (piece.getPeak() <= order.bound)
      continue;
    int64_t share = evaluations / std::max(1, open--), rest = share;
    piece.improve(order.bound, rest);
    evaluations -= share - rest;
    order.bound = std::max(order.bound, piece.getBound());
  }
  for (auto [begin, piece] : llvm::zip(forced, pieces)) {
    llvm::SmallVector<int> old(
        llvm::ArrayRef<int>(order.tasks).slice(begin, piece.getOrder().size()));
    for (auto [i, t] : llvm::enumerate(piece.getOrder()))
      order.tasks[begin + i] = old[t];
  }
  order.peak = peakOf(tasks, buffers, order.tasks);
  return order;
}

} // namespace mlir::pock
