//===- ThreadMap.h - How threads share the points of a nest -----*- C++ -*-===//
#ifndef POCK_BACKENDS_VULKAN_THREADMAP_H
#define POCK_BACKENDS_VULKAN_THREADMAP_H

#include "../Shared/Nest.h"

namespace mlir::pock {

/// Threads of a workgroup; every device has as many.
constexpr int64_t kThreads = 64;

/// How threads share the points of a nest's parallel loops.
struct ThreadMap {
  /// Whether the threads of a workgroup compute one point together: each adds a
  /// part of the terms of a sum.
  bool together = false;
  /// For each loop of the nest, how many of its points a thread computes.
  mlir::SmallVector<int64_t> tile;
  /// The number of threads, or of workgroups if their threads work together.
  int64_t count = 1;

  int64_t countWorkgroups() const {
    return together ? count : llvm::divideCeil(count, kThreads);
  }
};

/// One point for each thread.
ThreadMap onePerThread(const Nest &nest);

/// What a tuning chose for a nest.
struct ThreadChoice {
  /// The points of a thread in each of the loops of `findTiledLoops`.
  std::optional<std::array<int64_t, 2>> tile;
  /// Whether the threads of a workgroup compute one point together.
  std::optional<bool> together;
};

/// Chooses for a nest: where there are too few points to keep a device busy,
/// threads work together on long sums, if these need not be in order; where
/// there are many, a thread computes several points that read the same entries.
/// `choice` comes first, where it is possible.
ThreadMap mapThreads(const Nest &nest, bool keepsOrder,
                     const ThreadChoice &choice);

/// All tiles of a nest that are possible, beginning with that of `mapThreads`.
mlir::SmallVector<std::array<int64_t, 2>> listTiles(const Nest &nest);

/// Whether the threads of a workgroup can compute one point of the nest
/// together.
bool canWorkTogether(const Nest &nest);

/// The number of terms of the sums of `statement`.
int64_t countTerms(const Nest &nest, const Statement &statement);

/// Whether threads can add parts of the sums of `statement`: in any order, and
/// from a neutral element on.
bool canDivideTerms(const Statement &statement);

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_THREADMAP_H
