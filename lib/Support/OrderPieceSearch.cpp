//===- OrderPieceSearch.cpp - All strategies on one part of an order ------===//
//
// Cheap strategies come first: list scheduling from both ends, then the bound,
// which that often reaches, then exact searches with increasing effort, beams
// of increasing width, and windows around the peak.
//
//===----------------------------------------------------------------------===//

#include "OrderPieceSearch.h"
#include "OrderBeam.h"
#include "OrderBound.h"
#include "OrderExact.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace mlir::pock;

/// The number of sets to expand in the search for a valley (OrderMoves.h). More
/// effort solves larger networks, but takes longer for dense graphs.
static constexpr int valleyEffort = 8;

PieceSearch::PieceSearch(Piece given)
    : piece(std::move(given)), forward(piece.tasks, piece.buffers),
      backward(piece.tasks, piece.buffers, Direction::Backward) {
  for (int t = 0; t < forward.size(); ++t)
    order.push_back(t);
  peak = peakOf(piece.tasks, piece.buffers, order);
}

llvm::SmallVector<int64_t> PieceSearch::getLive() const {
  return liveBytes(piece.tasks, piece.buffers, order);
}

void PieceSearch::take(llvm::ArrayRef<int> found) {
  if (found.empty())
    return;
  int64_t reached = peakOf(piece.tasks, piece.buffers, found);
  if (reached >= peak)
    return;
  peak = reached;
  order.assign(found.begin(), found.end());
}

/// For the tasks with the most live bytes now, finds the fewest bytes that can
/// be live while the task runs, with at most `effort`. The maximum is a lower
/// bound for all orders. For tasks at the peak, also tries to run the set of
/// tasks that gives the minimum first.
void PieceSearch::raiseBound(int64_t floor, int64_t effort,
                             int64_t &evaluations) {
  if (isDone(floor))
    return;
  Reach reach(forward);
  for (int64_t live : findAlwaysLive(forward, reach))
    bound = std::max(bound, live);
  llvm::SmallVector<int64_t> live = getLive();
  llvm::SmallVector<std::pair<int64_t, int>> tasks;
  for (auto [i, t] : llvm::enumerate(order))
    tasks.push_back({-live[i], t});
  llvm::sort(tasks);
  int64_t before = peak;
  for (auto [less, t] : tasks) {
    if (isDone(floor) || -less <= bound || effort <= 0 || evaluations <= 0)
      break;
    int64_t least = 0;
    TaskSet first = findLeanest(forward, reach, t, least);
    effort -= forward.size();
    evaluations -= forward.size();
    bound = std::max(bound, least + forward.getLimits(t).during);
    if (-less == before)
      reorderAround(first);
  }
}

/// Runs the tasks of `first` before all others if that lowers the peak.
void PieceSearch::reorderAround(const TaskSet &first) {
  llvm::SmallVector<int> changed;
  for (bool isFirst : {true, false})
    for (int t : order)
      if (first.has(t) == isFirst)
        changed.push_back(t);
  take(changed);
}

/// Searches exactly from both ends, each with `effort`.
void PieceSearch::searchExactly(int valleys, int64_t floor, int64_t effort,
                                int64_t &evaluations) {
  for (const OrderGraph *graph : {&forward, &backward}) {
    if (isDone(floor))
      return;
    int64_t rest = std::min(effort, evaluations), before = rest;
    ExactOrder found =
        findExactOrder(*graph, valleys, std::max(floor, bound), peak, rest);
    evaluations -= before - rest;
    take(found.tasks);
    bound = std::max(bound, found.bound);
  }
}

/// Runs beam searches from both ends, each with `effort`.
void PieceSearch::followBeam(int width, int64_t floor, int64_t effort,
                             int64_t &evaluations) {
  for (const OrderGraph *graph : {&forward, &backward}) {
    int64_t rest = std::min(effort, evaluations), before = rest;
    // Find the least limit under which the beam finds an order, by bisection.
    int64_t least = std::max(floor, bound);
    while (least < peak && rest > 0) {
      int64_t middle = least + (peak - least) / 2;
      llvm::SmallVector<int> found =
          findByBeam(*graph, width, Prefer::FewBytes, floor, middle + 1, rest);
      take(found);
      if (found.empty())
        least = middle + 1;
    }
    evaluations -= before - rest;
  }
}

void PieceSearch::improveFast(int64_t floor, int64_t &evaluations) {
  for (const OrderGraph *graph : {&forward, &backward})
    for (Prefer prefer : {Prefer::LowPeak, Prefer::FewBytes})
      if (!isDone(floor))
        take(findByBeam(*graph, 1, prefer, std::max(floor, bound), peak,
                        evaluations));
  raiseBound(floor, evaluations / 8, evaluations);
  searchExactly(/*valleys=*/0, floor, 20 * 1000, evaluations);
}

/// Reorders the tasks at positions [begin, end); returns whether their peak is
/// lower.
bool PieceSearch::reorderWindow(int begin, int end, int64_t floor,
                                int64_t &evaluations) {
  PieceSearch window(cutOut(piece.tasks, piece.buffers, order, begin, end));
  int64_t before = window.peak;
  window.improveFast(floor, evaluations);
  window.followBeam(8, floor, evaluations / 8, evaluations);
  if (window.peak >= before)
    return false;
  llvm::SmallVector<int> old(
      llvm::ArrayRef<int>(order).slice(begin, end - begin));
  for (auto [i, t] : llvm::enumerate(window.order))
    order[begin + i] = old[t];
  return true;
}

/// Reorders the tasks around the peak, without moving other tasks, until that
/// does not lower it.
void PieceSearch::reorderWindows(int64_t floor, int64_t &evaluations) {
  int size = order.size(), width = 16;
  while (!isDone(floor) && evaluations > 0) {
    llvm::SmallVector<int64_t> live = getLive();
    int at = llvm::max_element(live) - live.begin();
    bool better = false;
    for (int quarter : {2, 1, 3}) {
      int begin = std::max(0, at - width * quarter / 4);
      int end = std::min(size, begin + width);
      if (reorderWindow(begin, end, std::max(floor, bound), evaluations)) {
        better = true;
        break;
      }
    }
    peak = peakOf(piece.tasks, piece.buffers, order);
    if (better)
      continue;
    if (width >= size)
      return;
    width *= 2;
  }
}

void PieceSearch::improve(int64_t floor, int64_t &evaluations) {
  // Exact searches get the first shares. The last one gets all evaluations that
  // the beams and the windows leave.
  int64_t share = evaluations / 16;
  searchExactly(valleyEffort, floor, 2 * share, evaluations);
  searchExactly(/*valleys=*/0, floor, 2 * share, evaluations);
  for (int width : {4, 32}) {
    followBeam(width, floor, share, evaluations);
    reorderWindows(floor, evaluations);
  }
  for (int width : {128, 512})
    followBeam(width, floor, evaluations / 4, evaluations);
  searchExactly(/*valleys=*/0, floor, evaluations / 2, evaluations);
  searchExactly(/*valleys=*/0, floor, evaluations, evaluations);
}
