//===- WorkgroupTile.h - A tile of a product for a workgroup ----*- C++ -*-===//
#ifndef POCK_LIB_BACKENDS_VULKAN_WORKGROUPTILE_H
#define POCK_LIB_BACKENDS_VULKAN_WORKGROUPTILE_H

#include "../Shared/Nest.h"

namespace mlir::pock {

/// A tile of a nest with a sum over two factors (a matrix product, a
/// convolution, their gradients), each of which moves in loops of its own. The
/// threads of a workgroup compute it: they copy a block of both factors to the
/// memory of the workgroup, and every thread reads its rows and columns there.
struct WorkgroupTile {
  /// Threads among the rows, and among the columns of a tile.
  static constexpr int64_t kSide = 8;
  /// The terms of a block.
  static constexpr int64_t kDepth = 16;

  /// The loops in which one factor moves and the other does not, as one.
  struct Side {
    /// The one with the smallest stride in the result comes last.
    mlir::SmallVector<int> loops;
    int64_t extent = 1;
    /// The points of one thread.
    int64_t points = 1;

    int64_t pointsOfTile() const { return kSide * points; }
    int64_t countTiles() const {
      return llvm::divideCeil(extent, pointsOfTile());
    }
  };

  /// The first factor moves in `rows`, the second in `columns`.
  Side rows, columns;
  /// The loops in which both factors move; a tile is at one point of these.
  mlir::SmallVector<int> batch;
  int64_t batchExtent = 1;

  int64_t countTiles() const {
    return batchExtent * rows.countTiles() * columns.countTiles();
  }
};

/// The tile with one point for each thread; nothing if the nest has no such
/// sum, or one of few terms.
std::optional<WorkgroupTile> findWorkgroupTile(const Nest &nest);

} // namespace mlir::pock

#endif // POCK_LIB_BACKENDS_VULKAN_WORKGROUPTILE_H
