//===- ScheduleSize.cpp - Code size of a schedule -------------------------===//
//
// Counts the code of the emitter: every loop has code for its tiles, for its
// remainder, and for each run of points that leaves the same taps out; loops
// over few terms are unrolled.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestBody.h"
#include "Schedule.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// The number of pieces of a vectorised loop, or of points of any other loop.
int64_t countPoints(const Schedule &schedule, int loop, int64_t size) {
  if (loop == schedule.col && schedule.vectorCol)
    return countPieces(size, schedule.lanes, schedule.leastLanes);
  return size;
}

/// The number of copies for whole tiles and for the remainder of `extent`
/// points.
double countCopies(const Schedule &schedule, int loop, int64_t extent) {
  int64_t tile = schedule.tileOf(loop);
  double copies = 0;
  if (extent >= tile)
    copies += countPoints(schedule, loop, tile);
  if (extent % tile)
    copies += countPoints(schedule, loop, extent % tile);
  return copies;
}

/// Whether the code of a loop over taps is repeated for each tap, if that
/// follows from computed bounds of taps.
std::optional<bool> countsTaps(const Nest &nest, const Schedule &schedule,
                               int loop) {
  if (schedule.boundsTaps)
    for (const TapWindow &window : nest.windows)
      if (window.taps == loop)
        return window.points == schedule.row;
  return std::nullopt;
}

/// The same for rows with windows that reach into a border: each tile with such
/// points has code of its own, in which the loops over taps are unrolled.
double countRows(const Nest &nest, const Schedule &schedule) {
  int64_t extent = nest.loops[schedule.row].extent, taps = 1;
  for (const TapWindow &window : nest.windows)
    if (window.points == schedule.row)
      taps *= nest.loops[window.taps].extent;
  // Otherwise, the factor for unrolled loops has the taps.
  if (schedule.boundsTaps)
    taps = 1;
  auto isInner = [&](int64_t point) {
    return llvm::all_of(nest.windows, [&](const TapWindow &window) {
      return window.points != schedule.row ||
             (window.contains(point, 0) &&
              window.contains(point, nest.loops[window.taps].extent - 1));
    });
  };
  double copies = 0;
  bool inside = false;
  for (int64_t begin = 0; begin < extent; begin += schedule.rows) {
    int64_t end = std::min(begin + schedule.rows, extent);
    bool inner = end - begin == schedule.rows &&
                 llvm::all_of(llvm::seq(begin, end), isInner);
    if (!inner || !inside)
      copies += double(end - begin) * (inner ? 1 : taps);
    inside |= inner;
  }
  return copies;
}

/// Whether `loop` is the innermost loop of a sum.
bool isInnermost(const Nest &nest, int loop) {
  return llvm::any_of(nest.statements, [&](const Statement &statement) {
    return statement.isReduction() && statement.reductions.back() == loop;
  });
}

} // namespace

bool mayBoundTaps(const Nest &nest, const TargetDescription &target) {
  return target.prefersSize() && !nest.windows.empty() &&
         llvm::all_of(nest.windows, [](const TapWindow &window) {
           return window.dilation == 1;
         });
}

bool hasTapsToBound(const Nest &nest, const Schedule &schedule) {
  bool differ = false;
  for (const TapWindow &window : nest.windows) {
    if (window.points == schedule.row) {
      if (!isInnermost(nest, window.taps))
        return false;
      continue;
    }
    if (schedule.tileOf(window.points) != 1)
      return false;
    differ |= splitByTaps(nest, window.points).size() > 1;
  }
  return differ;
}

SmallVector<bool> chooseUnrolled(const Nest &nest, const Schedule &schedule,
                                 ArrayRef<int> loops, int64_t points) {
  SmallVector<bool> unroll(loops.size(), false);
  for (size_t k = loops.size(); k-- > 0;) {
    points *= nest.loops[loops[k]].extent;
    if (nest.loops[loops[k]].extent > 16 || points > schedule.mostCopies)
      break;
    unroll[k] = true;
  }
  return unroll;
}

double countOperations(Nest &nest, const Schedule &schedule) {
  double copies = 1;
  for (int loop : nest.parallelLoops()) {
    bool hasWindow = llvm::any_of(nest.windows, [&](const TapWindow &window) {
      return window.points == loop;
    });
    if (!hasWindow || boundsTaps(schedule, loop)) {
      copies *= countCopies(schedule, loop, nest.loops[loop].extent);
    } else if (loop == schedule.row) {
      copies *= countRows(nest, schedule);
    } else {
      double sum = 0;
      for (auto [begin, end] : splitByTaps(nest, loop))
        sum += countCopies(schedule, loop, end - begin);
      copies *= sum;
    }
  }
  Tile tile = schedule.tile();
  double total = 0;
  for (auto [index, statement] : llvm::enumerate(nest.statements)) {
    double unrolled = 1;
    if (statement.isReduction() && schedule.reductionLoop[index] < 0) {
      SmallVector<bool> unroll = chooseUnrolled(
          nest, schedule, statement.reductions, tile.rows * tile.vectors);
      for (auto [loop, isUnrolled] : llvm::zip(statement.reductions, unroll))
        if (countsTaps(nest, schedule, loop).value_or(isUnrolled))
          unrolled *= nest.loops[loop].extent;
    }
    // Add one for loads or stores.
    total += copies * unrolled * (bodyCost(statement) + 1);
  }
  return total;
}

} // namespace mlir::pock
