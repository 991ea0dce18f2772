//===- OrderTestGraphs.h - Graphs for the tests of OrderSearch ------------===//
#ifndef POCK_UNITTESTS_ORDERTESTGRAPHS_H
#define POCK_UNITTESTS_ORDERTESTGRAPHS_H

#include "OrderSearch.h"
#include <random>
#include <vector>

namespace mlir::pock::test {

struct Graph {
  std::vector<Buffer> buffers;
  std::vector<Task> tasks;

  /// A new buffer.
  int add(int64_t bytes) {
    buffers.push_back({bytes, false});
    return buffers.size() - 1;
  }
  /// A new task.
  int run(llvm::ArrayRef<int> reads, llvm::ArrayRef<int> writes,
          int64_t workspace = 0, llvm::ArrayRef<int> after = {}) {
    Task task;
    task.workspace = workspace;
    task.reads.assign(reads.begin(), reads.end());
    task.writes.assign(writes.begin(), writes.end());
    task.after.assign(after.begin(), after.end());
    tasks.push_back(task);
    return tasks.size() - 1;
  }
};

/// Any graph of `size` tasks in a valid order, with few different sizes so that
/// much can be reused in place.
inline Graph makeRandom(unsigned seed, int size) {
  std::mt19937 random(seed);
  Graph graph;
  int sizes = 1 + random() % 6, density = 1 + random() % 4;
  auto bytes = [&] { return int64_t(random() % sizes + random() % 2); };
  for (int inputs = random() % 3; inputs > 0; --inputs)
    graph.add(bytes());
  for (int t = 0; t < size; ++t) {
    Task task;
    task.workspace = random() % 4 ? 0 : random() % 8;
    int known = graph.buffers.size();
    for (int i = random() % (density + 1); i > 0 && known > 0; --i)
      task.reads.push_back(random() % known);
    if (t > 0 && random() % 6 == 0)
      task.after.push_back(random() % t);
    for (int i = 1 + int(random() % 4 == 0) - int(random() % 8 == 0); i > 0;
         --i) {
      int written = graph.add(bytes());
      graph.buffers[written].kept = random() % 10 == 0;
      task.writes.push_back(written);
      for (int read : task.reads)
        if (random() % 2 &&
            graph.buffers[read].bytes == graph.buffers[written].bytes)
          task.inPlace.push_back({written, read});
    }
    graph.tasks.push_back(task);
  }
  return graph;
}

/// One step of training a chain of `layers` layers with skip connections: each
/// layer's input is saved for its gradient; the weights' gradients are all made
/// before any weight is updated, as a program would have it.
inline Graph makeTrainingStep(unsigned seed, int layers) {
  std::mt19937 random(seed);
  Graph graph;
  struct Layer {
    int in, out, skip, reader;
  };
  std::vector<Layer> chain;
  int now = graph.add(64);
  std::vector<int> outs = {now};
  graph.run({}, {now});
  for (int i = 0; i < layers; ++i) {
    Layer layer = {now, -1, -1, -1};
    bool pooled = random() % 5 == 0;
    int64_t bytes = graph.buffers[now].bytes;
    layer.out = graph.add(pooled ? bytes / 2 + 1 : bytes + random() % 3 * 8);
    layer.reader = graph.run({now}, {layer.out}, random() % 2 * 40);
    if (random() % 3 == 0)
      for (int other : outs)
        if (graph.buffers[other].bytes == graph.buffers[layer.out].bytes)
          layer.skip = other;
    if (layer.skip >= 0) {
      int sum = graph.add(graph.buffers[layer.out].bytes);
      int task = graph.run({layer.out, layer.skip}, {sum});
      graph.tasks[task].inPlace = {{sum, layer.out}, {sum, layer.skip}};
      layer.out = sum;
    }
    now = layer.out;
    outs.push_back(now);
    chain.push_back(layer);
  }
  // Backward: the gradient of each buffer, summed over its readers.
  std::vector<int> gradient(graph.buffers.size(), -1);
  auto flow = [&](int to, int bytesLike, llvm::ArrayRef<int> reads) {
    int made = graph.add(graph.buffers[bytesLike].bytes);
    graph.run(reads, {made});
    gradient.resize(graph.buffers.size(), -1);
    if (gradient[to] >= 0) {
      int sum = graph.add(graph.buffers[to].bytes);
      int task = graph.run({made, gradient[to]}, {sum});
      graph.tasks[task].inPlace = {{sum, made}, {sum, gradient[to]}};
      gradient.resize(graph.buffers.size(), -1);
      made = sum;
    }
    gradient[to] = made;
  };
  flow(now, now, {now});
  std::vector<std::pair<int, int>> weights; // (gradient, last reader)
  for (int i = layers - 1; i >= 0; --i) {
    Layer &layer = chain[i];
    int incoming = gradient[layer.out];
    if (layer.skip >= 0)
      flow(layer.skip, layer.skip, {incoming});
    int weight = graph.add(8 + random() % 200);
    graph.run({incoming, layer.in}, {weight}, random() % 3 * 16);
    flow(layer.in, layer.in, {incoming});
    weights.push_back({weight, int(graph.tasks.size()) - 1});
  }
  for (auto [weight, reader] : weights)
    graph.run({weight}, {}, 0, {reader});
  return graph;
}

/// A network of `size` operators, each reading one or two of the last `window`
/// values.
inline Graph makeNetwork(unsigned seed, int size, int window) {
  std::mt19937 random(seed);
  Graph graph;
  for (int t = 0; t < size; ++t) {
    std::vector<int> reads;
    for (int i = t ? 1 + random() % 2 : 0; i > 0; --i)
      reads.push_back(std::max(0, t - 1 - int(random() % window)));
    int made = graph.add(1 + random() % 100);
    graph.run(reads, {made}, random() % 3 ? 0 : random() % 50);
  }
  return graph;
}

/// A network as above, then the gradients of all its values and weights, then
/// the updates of the weights.
inline Graph makeTrainedNetwork(unsigned seed, int size, int window) {
  Graph graph = makeNetwork(seed, size, window);
  std::mt19937 random(seed);
  std::vector<int> gradient(size, -1), weights;
  gradient.back() = graph.add(graph.buffers[size - 1].bytes);
  graph.run({size - 1}, {gradient.back()});
  for (int t = size - 1; t > 0; --t) {
    if (gradient[t] < 0)
      continue;
    llvm::SmallVector<int> reads = graph.tasks[t].reads;
    for (int value : reads) {
      int made = graph.add(graph.buffers[value].bytes);
      graph.run({gradient[t], value}, {made});
      if (gradient[value] >= 0) {
        int sum = graph.add(graph.buffers[value].bytes);
        int task = graph.run({gradient[value], made}, {sum});
        graph.tasks[task].inPlace = {{sum, gradient[value]}, {sum, made}};
        made = sum;
      }
      gradient[value] = made;
    }
    weights.push_back(graph.add(1 + random() % 200));
    graph.run({gradient[t], reads[0]}, {weights.back()}, random() % 40);
  }
  for (int weight : weights)
    graph.run({weight}, {});
  return graph;
}

} // namespace mlir::pock::test

#endif // POCK_UNITTESTS_ORDERTESTGRAPHS_H
