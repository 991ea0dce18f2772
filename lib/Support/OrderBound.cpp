//===- OrderBound.cpp - bounds that hold for every order ------------------===//

#include "OrderBound.h"
#include "MinimumCut.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::pock;

Reach::Reach(const OrderGraph &graph)
    : before(graph.size(), TaskSet(graph.size())),
      behind(graph.size(), TaskSet(graph.size())) {
  llvm::SmallVector<int> order = graph.getTopological();
  for (int t : order)
    for (int u : graph.getBefore(t)) {
      before[t].unite(before[u]);
      before[t].add(u);
    }
  for (int t : llvm::reverse(order))
    for (int v : graph.getBehind(t)) {
      behind[t].unite(behind[v]);
      behind[t].add(v);
    }
}

llvm::SmallVector<int64_t> mlir::pock::findAlwaysLive(const OrderGraph &graph,
                                                      const Reach &reach) {
  llvm::SmallVector<int64_t> bytes;
  for (int t = 0; t < graph.size(); ++t)
    bytes.push_back(graph.getLimits(t).during);
  for (const OrderGraph::Content &content : graph.getContents()) {
    // The buffer is always live during tasks that come after its maker, and
    // that are a reader or come before one.
    TaskSet until(graph.size());
    for (int reader : content.readers) {
      until.unite(reach.before[reader]);
      until.add(reader);
    }
    for (int t = 0; t < graph.size(); ++t)
      if ((content.maker < 0 || reach.behind[content.maker].has(t)) &&
          (content.kept || until.has(t)))
        bytes[t] += content.bytes;
  }
  return bytes;
}

TaskSet mlir::pock::findLeanest(const OrderGraph &graph, const Reach &reach,
                                int task, int64_t &live) {
  // The finished tasks are those on the source's side.
  Network network;
  int source = network.addNode(), sink = network.addNode();
  llvm::SmallVector<int> node(graph.size());
  for (int t = 0; t < graph.size(); ++t)
    node[t] = reach.before[task].has(t)                ? source
              : t == task || reach.behind[task].has(t) ? sink
                                                       : network.addNode();
  for (int t = 0; t < graph.size(); ++t)
    for (int u : graph.getBefore(t))
      if (node[t] != sink && node[u] != source)
        network.addEdge(node[t], node[u], Network::unlimited);
  for (const OrderGraph::Content &content : graph.getContents()) {
    int maker = content.maker < 0 ? source : node[content.maker];
    if (maker == sink || (content.readers.empty() && !content.kept))
      continue;
    if (content.kept) {
      network.addEdge(maker, sink, content.bytes);
      continue;
    }
    // The buffer is dead when all readers are done.
    int dead = network.addNode();
    network.addEdge(maker, dead, content.bytes);
    for (int reader : content.readers)
      if (node[reader] != source)
        network.addEdge(dead, node[reader], Network::unlimited);
  }
  live = network.cut(source, sink);
  TaskSet done(graph.size());
  for (int t = 0; t < graph.size(); ++t)
    if (network.isBeforeCut(node[t]))
      done.add(t);
  return done;
}
