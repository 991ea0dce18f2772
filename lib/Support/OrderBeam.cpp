//===- OrderBeam.cpp - Beam search over sets of done tasks ----------------===//

#include "OrderBeam.h"
#include "OrderMoves.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <memory>

using namespace mlir::pock;

namespace {

/// A set in the beam; `step` has the tasks that led to it.
struct Followed {
  OrderState state;
  int64_t peak;
  uint64_t key;
  int step;
};

/// A candidate for the beam: the result of `move` after `parent`.
struct Candidate {
  std::shared_ptr<const Followed> parent;
  OrderMove move;
  int64_t peak;
  /// A hash of the set.
  uint64_t key;
  /// Among equal candidates, the one with the smallest number is preferred.
  int64_t number;
};

struct Step {
  int parent;
  llvm::SmallVector<int, 4> tasks;
};

/// A random number for each task (splitmix64, Steele et al. 2014). It has 63
/// bits, because DenseSet reserves the largest numbers of 64 bits.
uint64_t getKey(int task) {
  uint64_t key = (task + 1) * 0x9E3779B97F4A7C15u;
  key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9u;
  key = (key ^ (key >> 27)) * 0x94D049BB133111EBu;
  return (key ^ (key >> 31)) >> 1;
}

class Beam {
public:
  Beam(const OrderGraph &graph, int width, Prefer prefer, int64_t floor,
       int64_t limit, int64_t &evaluations)
      : graph(graph), moves(graph, evaluations), width(width), prefer(prefer),
        floor(floor), limit(limit), evaluations(evaluations),
        waiting(graph.size() + 1) {}

  llvm::SmallVector<int> run();

private:
  void follow(const Candidate &candidate);
  void expand(std::shared_ptr<const Followed> set);
  void sort(std::vector<Candidate> &candidates) const;
  llvm::SmallVector<int> trace(int step) const;

  const OrderGraph &graph;
  OrderMoves moves;
  int width;
  Prefer prefer;
  int64_t floor, limit;
  int64_t &evaluations;
  /// Candidates by the number of done tasks.
  std::vector<std::vector<Candidate>> waiting;
  std::vector<Step> steps;
  int64_t reached = 0;
};

void Beam::sort(std::vector<Candidate> &candidates) const {
  llvm::sort(candidates, [&](const Candidate &a, const Candidate &b) {
    if (prefer == Prefer::LowPeak && a.peak != b.peak)
      return a.peak < b.peak;
    return std::tie(a.move.live, a.peak, a.number) <
           std::tie(b.move.live, b.peak, b.number);
  });
}

void Beam::expand(std::shared_ptr<const Followed> set) {
  int64_t threshold = prefer == Prefer::LowPeak ? set->peak : limit - 1;
  size_t done = set->state.done.count();
  for (OrderMove &move : moves.find(set->state, threshold)) {
    int64_t peak = std::max(set->peak, move.cost);
    if (peak >= limit)
      continue;
    uint64_t key = set->key;
    for (int t : move.tasks)
      key ^= getKey(t);
    size_t level = done + move.tasks.size();
    waiting[level].push_back({set, std::move(move), peak, key, reached++});
  }
}

void Beam::follow(const Candidate &candidate) {
  const Followed &parent = *candidate.parent;
  steps.push_back({parent.step, candidate.move.tasks});
  expand(std::make_shared<Followed>(
      Followed{moves.apply(parent.state, candidate.move), candidate.peak,
               candidate.key, static_cast<int>(steps.size()) - 1}));
}

llvm::SmallVector<int> Beam::trace(int step) const {
  llvm::SmallVector<int> order;
  for (; step >= 0; step = steps[step].parent)
    llvm::append_range(order, llvm::reverse(steps[step].tasks));
  if (graph.getDirection() == Direction::Forward)
    std::reverse(order.begin(), order.end());
  return order;
}

llvm::SmallVector<int> Beam::run() {
  expand(std::make_shared<Followed>(Followed{moves.getStart(), floor, 0, -1}));
  for (std::vector<Candidate> &level : llvm::drop_end(waiting)) {
    sort(level);
    llvm::DenseSet<uint64_t> seen;
    for (const Candidate &candidate : level) {
      if (evaluations <= 0)
        return {};
      if (static_cast<int>(seen.size()) == width)
        break;
      if (seen.insert(candidate.key).second)
        follow(candidate);
    }
    level = {};
  }
  std::vector<Candidate> &last = waiting.back();
  if (last.empty())
    return {};
  const Candidate &best = *llvm::min_element(
      last, [](auto &a, auto &b) { return a.peak < b.peak; });
  steps.push_back({best.parent->step, best.move.tasks});
  return trace(steps.size() - 1);
}

} // namespace

llvm::SmallVector<int> mlir::pock::findByBeam(const OrderGraph &graph,
                                              int width, Prefer prefer,
                                              int64_t floor, int64_t limit,
                                              int64_t &evaluations) {
  if (graph.size() == 0)
    return {};
  return Beam(graph, width, prefer, floor, limit, evaluations).run();
}
