//===- OrderSearch.cpp - The order of tasks that needs the least memory ---===//

#include "OrderSearch.h"
#include "OrderBound.h"
#include "OrderExact.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

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

Order findOrder(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
                llvm::ArrayRef<int> given, OrderOptions options) {
  Order order;
  order.tasks.assign(given.begin(), given.end());
  if (given.empty())
    for (size_t t = 0; t < tasks.size(); ++t)
      order.tasks.push_back(t);
  order.peak = peakOf(tasks, buffers, order.tasks);
  order.bound = lowerBoundOfOrders(tasks, buffers);
  OrderGraph graph(tasks, buffers);
  ExactOrder exact =
      findExactOrder(graph, order.bound, order.peak, options.evaluations);
  order.bound = exact.bound;
  if (!exact.tasks.empty()) {
    order.tasks = exact.tasks;
    order.peak = peakOf(tasks, buffers, order.tasks);
  }
  return order;
}

} // namespace mlir::pock
