//===- PlacementSearch.cpp - Search for plans of a smaller peak -----------===//
//
// For each capacity, beginning with the bound, the two searches take turns to
// reach it, from many starts with few steps each: a good start leads to a plan
// soon, and other starts do not for a long time.
//
//===----------------------------------------------------------------------===//

#include "PlacementSearch.h"
#include "GreedyPlacement.h"
#include "PlacementOrders.h"
#include "PlacementSolver.h"
#include <random>

namespace mlir::pock {
namespace {

using Verdict = PlacementSolver::Verdict;

/// The shares of the limit for the bound, and for each capacity above it.
constexpr int64_t partsForBound = 6, partsForOther = 1, parts = 12;
/// The number of given plans from which the search starts.
constexpr size_t seedCount = 4;
/// The number of orders that sort by difficulty, not by begin or end.
constexpr size_t preferenceCount = 5;

class Search {
public:
  Search(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<Plan> plans);

  /// Tries to find a plan with a peak of at most `capacity`.
  Verdict reach(int64_t capacity, int64_t limit);

  const Plan &getBest() const { return best; }

  /// The work of both searches.
  int64_t getWork() const { return work; }

private:
  Verdict branch(int64_t capacity, int64_t steps);
  Verdict reorder(int64_t capacity, int64_t steps);
  SlotOrder nextPreference();

  llvm::ArrayRef<Slot> slots;
  llvm::SmallVector<SlotOrder, 0> preferences;
  llvm::SmallVector<PlacementOrders, 0> searches;
  Plan best;
  int64_t work = 0;
  size_t solverRuns = 0, orderRuns = 0;
  std::minstd_rand random{1}; // the standard specifies its numbers
};

} // namespace

Search::Search(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<Plan> plans)
    : slots(slots), preferences(hardestFirst(slots)) {
  preferences.truncate(preferenceCount);
  llvm::SmallVector<const Plan *> seeds =
      llvm::to_vector(llvm::make_pointer_range(plans));
  llvm::stable_sort(
      seeds, [](const Plan *a, const Plan *b) { return a->peak < b->peak; });
  best = *seeds.front();
  if (seeds.size() > seedCount)
    seeds.truncate(seedCount);
  for (const Plan *seed : seeds)
    searches.emplace_back(slots, orderOf(*seed));
}

/// The next order for the solver: first each of `preferences`, then slightly
/// shuffled copies of them.
SlotOrder Search::nextPreference() {
  size_t count = solverRuns++;
  const SlotOrder &order = preferences[count % preferences.size()];
  if (count < preferences.size())
    return order;
  llvm::SmallVector<std::pair<size_t, uint32_t>, 0> ranks;
  for (auto [i, slot] : llvm::enumerate(order))
    ranks.push_back({i + random() % (2 + order.size() / 24), slot});
  llvm::stable_sort(ranks, llvm::less_first());
  return SlotOrder(llvm::make_second_range(ranks));
}

Verdict Search::reach(int64_t capacity, int64_t limit) {
  // The solver needs about 3 n^2 steps to place all slots once.
  auto squared = static_cast<int64_t>(slots.size() * slots.size());
  bool solvable = limit >= 12 * squared;
  int64_t end = work + limit;
  for (int64_t turn = 1; work < end; ++turn) {
    // Later turns get more steps.
    int64_t steps = std::min((16 + turn) * squared, limit / 4);
    Verdict verdict = solvable && turn % 3 != 0 ? branch(capacity, steps)
                                                : reorder(capacity, steps);
    if (verdict != Verdict::Unknown)
      return verdict;
  }
  return Verdict::Unknown;
}

Verdict Search::branch(int64_t capacity, int64_t steps) {
  PlacementSolver solver(slots, nextPreference());
  Verdict verdict = solver.run(capacity, steps);
  work += solver.getWork();
  if (verdict == Verdict::Fits)
    best = solver.getPlan();
  return verdict;
}

Verdict Search::reorder(int64_t capacity, int64_t steps) {
  PlacementOrders &search = searches[orderRuns++ % searches.size()];
  int64_t before = search.getWork();
  bool fits = search.run(capacity, steps);
  work += search.getWork() - before;
  if (!fits)
    return Verdict::Unknown;
  best = search.getPlan();
  return Verdict::Fits;
}

int64_t searchLimit(size_t slots) {
  // A million steps take a few milliseconds. Few slots need few steps for a
  // complete search; many slots need more.
  auto count = static_cast<int64_t>(slots);
  return std::min({300'000 * count, 40'000'000 + 60'000 * count,
                   static_cast<int64_t>(1'000'000'000)});
}

Improvement improve(llvm::ArrayRef<Slot> slots, llvm::ArrayRef<Plan> plans,
                    int64_t bound) {
  Search search(slots, plans);
  int64_t part = searchLimit(slots.size()) / parts;
  // The search has given up on capacities up to this one.
  int64_t given = bound - 1;
  if (search.getBest().peak > bound &&
      search.reach(bound, partsForBound * part) != Verdict::Fits)
    given = bound;
  for (int64_t left = parts - partsForBound; left > 0; left -= partsForOther) {
    int64_t peak = search.getBest().peak;
    if (peak - given <= 1)
      break;
    int64_t capacity = given + (peak - given) / 2;
    if (search.reach(capacity, partsForOther * part) != Verdict::Fits)
      given = capacity;
  }
  return {search.getBest(), search.getWork()};
}

} // namespace mlir::pock
