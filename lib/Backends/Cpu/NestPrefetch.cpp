//===- NestPrefetch.cpp - Prefetches the next accesses of tiles -----------===//
//
// Each row of a tile is a short stream, and a tile has more rows than the
// hardware prefetcher can follow. Before a tile is summed, this code prefetches
// the elements that its statements read and write after the sum into the first
// cache, and the rows that the next tile sums into the second. It only
// prefetches from buffers that do not fit into the caches.
//
//===----------------------------------------------------------------------===//

#include "NestEmitterImpl.h"
#include "Pock/IR/PockUtils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace mlir::pock {
namespace detail {

/// Bytes per prefetch: a cache line on all targets.
static constexpr int64_t kLine = 64;
/// Limit in bytes for the next rows. Longer rows are streams that the hardware
/// follows, and would evict data in use.
static constexpr int64_t kMostAhead = 16384;
/// Levels of locality, as of `memref.prefetch`.
static constexpr int kFirstCache = 3, kSecondCache = 2;

/// Whether the buffer of `access` does not fit into the caches.
bool NestEmitter::isFar(const Access &access) {
  if (!access.root || access.elementType.isIndex())
    return false;
  Operation *def = access.root.getDefiningOp();
  if (def && registers.contains(def))
    return false;
  return bytesOf(access.root.getType()) > schedule.farBytes;
}

/// Prefetches `elements` contiguous elements, which begin at distance `extra`
/// from the tile's first point.
void NestEmitter::prefetch(Access &access, int64_t extra, int64_t elements,
                           bool isWrite, int locality) {
  int64_t line = kLine / bytesOf(access.elementType);
  for (int64_t i = 0; i < elements; i += line)
    memref::PrefetchOp::create(b, loc, flat(access),
                               ValueRange{address(access, extra + i)}, isWrite,
                               locality, /*isDataCache=*/true);
}

void NestEmitter::prefetchTile() {
  bool reduces = llvm::any_of(nest.statements, [](Statement &statement) {
    return statement.isReduction();
  });
  if (!schedule.farBytes || !reduces || !schedule.vectorCol || schedule.row < 0)
    return;
  llvm::SmallPtrSet<Value, 4> known;
  auto prefetchTileOf = [&](Access &access, bool isWrite) {
    int64_t stride = isFar(access) ? access.strides[schedule.row] : 0;
    if (stride * bytesOf(access.elementType) < kLine ||
        access.strides[schedule.col] != 1 || !known.insert(access.root).second)
      return;
    for (int64_t row = 0; row < size[schedule.row]; ++row)
      prefetch(access, row * stride, size[schedule.col], isWrite, kFirstCache);
  };
  for (auto [i, statement] : llvm::enumerate(nest.statements)) {
    if (statement.isReduction()) {
      prefetchNextRows(statement);
      prefetchNextWindows(statement);
      continue;
    }
    for (Access &access : statement.ins)
      if (!findForwarded(access))
        prefetchTileOf(access, /*isWrite=*/false);
  }
  for (auto [i, statement] : llvm::enumerate(nest.statements))
    for (Access &access : statement.outs)
      if (!isDeadStore(i, access))
        prefetchTileOf(access, /*isWrite=*/true);
}

/// Prefetches the rows that `statement` sums in the next tile, if each row is
/// contiguous.
void NestEmitter::prefetchNextRows(Statement &statement) {
  // The next tile has other rows.
  for (int loop : llvm::reverse(schedule.order)) {
    if (loop == schedule.row)
      break;
    if (nest.loops[loop].extent > schedule.tileOf(loop))
      return;
  }
  for (Access &access : statement.ins) {
    if (!isFar(access) || access.strides[schedule.col] != 0)
      continue;
    int64_t stride = access.strides[schedule.row], rows = schedule.rows;
    int64_t run = 1;
    for (int loop : statement.reductions)
      if (access.strides[loop] == 1)
        run = nest.loops[loop].extent;
    int64_t bytes = run * bytesOf(access.elementType);
    if (bytes < kLine || run > stride || rows * bytes > kMostAhead)
      continue;
    for (int64_t row = 0; row < rows; ++row)
      prefetch(access, (rows + row) * stride, run, /*isWrite=*/false,
               kSecondCache);
  }
}

/// Prefetches positions that the next windows are the first to read: those of
/// the next line of windows, if there is a second dimension of windows, because
/// that is further ahead; otherwise those of the next tile along the rows.
void NestEmitter::prefetchNextWindows(Statement &statement) {
  const TapWindow *along = nullptr, *across = nullptr;
  for (const TapWindow &window : nest.windows)
    if (llvm::is_contained(statement.reductions, window.taps))
      (window.points == schedule.row ? along : across) = &window;
  if (!along)
    return;
  for (Access &access : statement.ins) {
    if (!isFar(access) || access.strides[schedule.col] != 1 ||
        access.strides[along->taps] == 0)
      continue;
    auto positionStride = [&](const TapWindow &window) {
      return access.strides[window.taps] / window.dilation;
    };
    /// The last position of a window.
    auto last = [&](const TapWindow &window) {
      return (nest.loops[window.taps].extent - 1) * access.strides[window.taps];
    };
    int64_t lines = across ? across->stride : 1;
    int64_t next = across ? last(*across) + positionStride(*across)
                          : last(*along) + access.strides[schedule.row] *
                                               (schedule.rows - 1);
    for (int64_t line = 0; line < lines; ++line)
      for (int64_t i = 0; i < size[schedule.row] * along->stride; ++i)
        prefetch(access,
                 next + (across ? line * positionStride(*across) : 0) +
                     i * positionStride(*along),
                 size[schedule.col], /*isWrite=*/false, kSecondCache);
  }
}

} // namespace detail
} // namespace mlir::pock
