//===- NestSpans.cpp - Tiles of a loop, and the taps that they sum --------===//
//
// Usually a loop has tiles of one size and a remainder. If windows reach into a
// border, points near it leave taps out. Along the rows of the tile, such
// points get tiles of their own at static positions: loops over taps are
// unrolled there, and each tap skips the points that leave it out. Along all
// other loops, runs of points with the same taps become spans with shorter
// loops over taps. If that would be much code, such a loop is one span, and the
// bounds of the loop over taps are computed from its variable.
//
//===----------------------------------------------------------------------===//

#include "NestEmitterImpl.h"

using namespace mlir;

namespace mlir::pock {
namespace detail {

bool NestEmitter::hasWindow(int loop) {
  return llvm::any_of(nest.windows, [&](const TapWindow &window) {
    return window.points == loop;
  });
}

/// Whether point number `point` of `loop` has all taps.
bool NestEmitter::isInner(int loop, int64_t point) {
  return llvm::all_of(nest.windows, [&](const TapWindow &window) {
    return window.points != loop ||
           (window.contains(point, 0) &&
            window.contains(point, nest.loops[window.taps].extent - 1));
  });
}

/// Appends the tiles of `tile` points in [begin, end), and the remainder.
static void appendTiles(SmallVectorImpl<Span> &spans, int64_t begin,
                        int64_t end, int64_t tile) {
  int64_t main = begin + (end - begin) / tile * tile;
  if (begin < main)
    spans.push_back({begin, main, tile});
  if (main < end)
    spans.push_back({main, end, end - main});
}

SmallVector<Span> NestEmitter::spansOf(int loop) {
  SmallVector<Span> spans;
  int64_t tile = schedule.tileOf(loop), extent = nest.loops[loop].extent;
  if (!hasWindow(loop) || boundsTaps(schedule, loop))
    appendTiles(spans, 0, extent, tile);
  else if (loop == schedule.row)
    return spansOfRows();
  else
    for (auto [begin, end] : splitByTaps(nest, loop))
      appendTiles(spans, begin, end, tile);
  return spans;
}

/// Spans of the loop of rows: each tile with points that leave taps out is a
/// span of its own.
SmallVector<Span> NestEmitter::spansOfRows() {
  SmallVector<Span> spans;
  int64_t extent = nest.loops[schedule.row].extent;
  bool open = false; // Whether the last span may still grow.
  for (int64_t begin = 0; begin < extent; begin += schedule.rows) {
    int64_t end = std::min(begin + schedule.rows, extent);
    bool inner = end - begin == schedule.rows;
    for (int64_t point = begin; point < end; ++point)
      inner &= isInner(schedule.row, point);
    if (inner && open)
      spans.back().end = end;
    else
      spans.push_back({begin, end, end - begin});
    open = inner;
  }
  return spans;
}

/// The span with the most tiles.
const Span &NestEmitter::findShared(ArrayRef<Span> spans) {
  return *llvm::max_element(spans, [](const Span &a, const Span &b) {
    return (a.end - a.begin) / a.tile < (b.end - b.begin) / b.tile;
  });
}

/// Sets the taps for the run of points of `loop` that contains `point`.
void NestEmitter::restrictTaps(int loop, int64_t point) {
  if (loop == schedule.row || boundsTaps(schedule, loop))
    return;
  for (const TapWindow &window : nest.windows) {
    if (window.points != loop)
      continue;
    int64_t begin = 0, end = nest.loops[window.taps].extent;
    while (begin < end && !window.contains(point, begin))
      ++begin;
    while (begin < end && !window.contains(point, end - 1))
      --end;
    taps[window.taps] = {begin, end};
  }
}

/// Computes the taps for the variable of `loop`, if the schedule says so.
void NestEmitter::boundTaps(int loop) {
  if (!boundsTaps(schedule, loop))
    return;
  for (const TapWindow &window : nest.windows) {
    if (window.points != loop)
      continue;
    // The first tap is at `stride * point - low`; taps are neighbours.
    Value first =
        arith::MulIOp::create(b, loc, dynamic[loop], constant(window.stride),
                              arith::IntegerOverflowFlags::nsw);
    auto upTo = [&](int64_t position) -> Value {
      return arith::SubIOp::create(b, loc, constant(position), first,
                                   arith::IntegerOverflowFlags::nsw);
    };
    int64_t extent = nest.loops[window.taps].extent;
    Value begin = constant(0), end = constant(extent);
    if (window.low > 0)
      begin = arith::MaxSIOp::create(b, loc, begin, upTo(window.low));
    int64_t last = (nest.loops[loop].extent - 1) * window.stride + extent - 1;
    if (last - window.low >= window.size)
      end = arith::MinSIOp::create(b, loc, end, upTo(window.low + window.size));
    tapBounds[window.taps] = {begin, end};
  }
}

/// The iterations of a reduction loop, [begin, end).
std::pair<int64_t, int64_t> NestEmitter::tapsOf(int loop) {
  return taps[loop].value_or(
      std::pair<int64_t, int64_t>(0, nest.loops[loop].extent));
}

/// Whether all rows of the current tile have all taps.
bool NestEmitter::isInnerTile() {
  if (schedule.row < 0 || dynamic[schedule.row])
    return true;
  for (int64_t row = 0; row < size[schedule.row]; ++row)
    if (!isInner(schedule.row, fixed[schedule.row] + row))
      return false;
  return true;
}

/// Whether row `row` of the current tile leaves out the current taps.
bool NestEmitter::isLeftOut(int64_t row) {
  if (schedule.row < 0 || dynamic[schedule.row])
    return false;
  return llvm::any_of(nest.windows, [&](const TapWindow &window) {
    return window.points == schedule.row && !dynamic[window.taps] &&
           !window.contains(fixed[schedule.row] + row, fixed[window.taps]);
  });
}

} // namespace detail
} // namespace mlir::pock
