//===- ThreadMap.h - How threads share the points of a nest -----*- C++ -*-===//
#ifndef POCK_BACKENDS_VULKAN_THREADMAP_H
#define POCK_BACKENDS_VULKAN_THREADMAP_H

#include "../Shared/Nest.h"
#include "WorkgroupTile.h"

namespace mlir::pock {

/// Threads of a workgroup; every device has as many.
constexpr int64_t kThreads = 64;

/// How the threads of a workgroup share work.
enum class Sharing {
  /// Not at all: each has points of its own.
  Apart,
  /// They compute one point: each adds a part of the terms of a sum.
  Together,
  /// They compute a tile of a product, from factors in workgroup memory.
  Tile,
};

/// How threads share the points of a nest's parallel loops.
struct ThreadMap {
  Sharing sharing = Sharing::Apart;
  /// Apart: for each loop of the nest, how many of its points a thread
  /// computes.
  mlir::SmallVector<int64_t> tile;
  /// The tile of a workgroup, if its threads share one.
  std::optional<WorkgroupTile> workgroupTile;
  /// The number of threads, or of workgroups if their threads work together.
  int64_t count = 1;

  int64_t countWorkgroups() const {
    return sharing == Sharing::Apart ? llvm::divideCeil(count, kThreads)
                                     : count;
  }
};

/// One point for each thread.
ThreadMap onePerThread(const Nest &nest);

/// What a tuning chose for a nest.
struct ThreadChoice {
  /// The points of a thread: in the rows and columns of a workgroup's tile, or
  /// in each of the loops of `findTiledLoops`.
  std::optional<std::array<int64_t, 2>> tile;
  std::optional<Sharing> sharing;
};

/// What a back end may do with a nest.
struct ThreadRules {
  /// Whether sums keep the order of their terms and the time for each term is
  /// long, so that threads share nothing.
  bool keepsOrder = false;
  /// Whether workgroup memory is faster than a cache.
  bool sharesTiles = false;
  /// Workgroups that keep a device busy.
  int64_t workgroups = 64;

  int64_t busyThreads() const { return workgroups * kThreads; }
};

/// Chooses for a nest: where there are too few points to keep a device busy,
/// threads work together on long sums; where there are many, they share tiles
/// of products, or a thread computes several points that read the same entries.
/// `choice` comes first, where it is possible.
ThreadMap mapThreads(const Nest &nest, const ThreadRules &rules,
                     const ThreadChoice &choice);

/// All points of a thread that are possible, beginning with those of
/// `mapThreads`.
mlir::SmallVector<std::array<int64_t, 2>> listTiles(const Nest &nest,
                                                    const ThreadRules &rules);

/// How threads can share the work of a nest.
mlir::SmallVector<Sharing> listSharing(const Nest &nest,
                                       const ThreadRules &rules);

/// The parallel loops of a nest; the one with the smallest stride in the result
/// comes last.
mlir::SmallVector<int> loopsByResult(const Nest &nest);

/// The number of terms of the sums of `statement`.
int64_t countTerms(const Nest &nest, const Statement &statement);

/// Whether threads can add parts of the sums of `statement`: in any order, and
/// from a neutral element on.
bool canDivideTerms(const Statement &statement);

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_THREADMAP_H
