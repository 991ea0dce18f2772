//===- Schedule.h - Register tile and loop order of a nest ----------------===//
#ifndef POCK_BACKENDS_CPU_SCHEDULE_H
#define POCK_BACKENDS_CPU_SCHEDULE_H

#include "../Shared/Nest.h"
#include "TargetDescription.h"

namespace mlir::pock {

/// The size of a register tile.
struct Tile {
  /// Points of the loop of rows, and accumulators per row.
  int64_t rows, vectors;

  bool operator==(const Tile &other) const {
    return rows == other.rows && vectors == other.vectors;
  }
};

/// The lanes of the next smaller vector than one with `lanes` lanes: the next
/// smaller power of two, or one if there are no vectors of that size.
inline int64_t nextLanes(int64_t lanes, int64_t least) {
  int64_t next = lanes > 1 ? llvm::bit_floor<uint64_t>(lanes - 1) : 1;
  return next < least ? 1 : next;
}

/// The number of vectors and single points that compute `size` points.
inline int64_t countPieces(int64_t size, int64_t lanes, int64_t least) {
  int64_t pieces = size / lanes;
  while ((size %= lanes)) {
    lanes = nextLanes(lanes, least);
    pieces += size / lanes;
  }
  return pieces;
}

/// The number of adjacent elements that a target without vectors may load at
/// once, and the rows and columns of its tiles of products.
constexpr int64_t kGroup = 4;

/// Whether tiles of products load groups of registers on `target`.
inline bool usesGroups(const TargetDescription &target) {
  return target.vectorBytes == 0 && target.prefersSize();
}

/// The schedule of a nest. The register tile is `rows` points of loop `row`
/// times `cols` points of loop `col`; all other parallel loops run point by
/// point around it.
///
/// Either `col` is vectorised (`vectorCol`): the tile's columns are vectors of
/// up to `lanes` points. Or each reduction statement vectorises a reduction
/// loop of its own (`reductionLoop`), with one accumulator vector per point and
/// a horizontal reduction at the end.
struct Schedule {
  int row = -1, col = -1;
  int64_t rows = 1, cols = 1;
  bool vectorCol = false;
  int64_t lanes = 1;
  /// Fewer points than these, at the end of a loop, are computed one by one.
  int64_t leastLanes = 2;
  /// Per statement: the reduction loop that is vectorised, or -1.
  mlir::SmallVector<int> reductionLoop;
  /// All parallel loops, outermost first.
  mlir::SmallVector<int> order;
  /// The loop whose tiles the threads divide among them, or -1. It is a
  /// parallel loop, so results and the order of operations do not depend on the
  /// number of threads.
  int threadLoop = -1;
  /// Whether terms are added in the order of the loops, in one accumulator per
  /// sum, so that sums do not depend on the rest of the schedule.
  bool keepsOrder = false;
  /// The maximum number of copies of a body when loops over few terms are
  /// unrolled.
  int64_t mostCopies = 150;
  /// Whether windows that reach into a border have loops over taps with
  /// computed bounds, along all loops but the rows of the tile. Otherwise, each
  /// run of points with the same taps has code of its own.
  bool boundsTaps = false;
  /// Whether both factors of a product are contiguous along the tile, and are
  /// loaded in groups.
  bool groups = false;
  /// Larger buffers than this number of bytes are not in a cache when a tile
  /// reads them, and are prefetched. 0 for targets without vectors.
  int64_t farBytes = 0;

  /// The number of points of `loop` in one tile.
  int64_t tileOf(int loop) const {
    return loop == row ? rows : loop == col ? cols : 1;
  }
  /// The tile in registers; columns are vectors if they are vectorised.
  Tile tile() const {
    int64_t vectors = vectorCol ? llvm::divideCeil(cols, lanes) : cols;
    return {rows, vectors};
  }
};

/// Whether `access` is contiguous along the rows of the tile while vectors run
/// along its columns, so that the tile is best transposed in registers.
inline bool isTransposed(const Access &access, const Schedule &schedule) {
  return access.root && schedule.vectorCol && schedule.lanes > 1 &&
         schedule.row >= 0 && schedule.col >= 0 &&
         access.strides[schedule.row] == 1 &&
         access.strides[schedule.col] != 0 && access.strides[schedule.col] != 1;
}

/// Whether the taps of windows along `loop` have computed bounds.
inline bool boundsTaps(const Schedule &schedule, int loop) {
  return schedule.boundsTaps && loop != schedule.row;
}

/// The loops of a sum, the innermost last, that are unrolled in a tile of
/// `points`: short inner ones, so that neighbouring windows share their loads.
mlir::SmallVector<bool> chooseUnrolled(const Nest &nest,
                                       const Schedule &schedule,
                                       mlir::ArrayRef<int> loops,
                                       int64_t points);

/// Whether windows of the nest reach into borders, and may have computed bounds
/// of taps.
bool mayBoundTaps(const Nest &nest, const TargetDescription &target);

/// Whether computed bounds of taps make a difference in `schedule`: they are
/// possible along loops that are not the rows of the tile, point by point. Taps
/// along the rows are inside of them, where neighbouring windows share loads.
bool hasTapsToBound(const Nest &nest, const Schedule &schedule);

/// The approximate number of operations in the code of a nest.
double countOperations(Nest &nest, const Schedule &schedule);

/// The cheapest schedule by a cost model of loads, arithmetic, latency and
/// registers; with the given tile if a schedule has it. Always succeeds,
/// because scalar code is a schedule, too.
Schedule chooseSchedule(Nest &nest, const TargetDescription &target,
                        std::optional<Tile> tile = std::nullopt);

/// All tiles of schedules: first that of `chooseSchedule`, then the others,
/// ordered by the cost of their cheapest schedule.
mlir::SmallVector<Tile> rankTiles(Nest &nest, const TargetDescription &target);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_SCHEDULE_H
