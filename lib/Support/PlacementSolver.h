//===- PlacementSolver.h - Exact search for a plan of some capacity -------===//
//
// Branch and bound after MiniMalloc (Moffitt, "MiniMalloc: A Lightweight Memory
// Allocator for Hardware-Accelerated Machine Learning", 2023). Slots are placed
// in the order of their offsets, each at the lowest offset above the slots that
// were placed before. Such canonical plans are sufficient, because lowering the
// slots of any plan gives one. Therefore the arena below the last offset is
// final, and the remaining slots must fit above it at every moment.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_PLACEMENTSOLVER_H
#define POCK_SUPPORT_PLACEMENTSOLVER_H

#include "MemoryPlanner.h"
#include <optional>

namespace mlir::pock {

class PlacementSolver {
public:
  enum class Verdict { Fits, DoesNotFit, Unknown };

  /// Sizes and lifetimes of slots must not be empty. Among slots that can have
  /// the same offset, the first one in `preference` is tried first.
  PlacementSolver(llvm::ArrayRef<Slot> slots,
                  llvm::ArrayRef<uint32_t> preference);

  /// Searches for a plan with a peak of at most `capacity`. `Fits`: `getPlan`
  /// returns it. `DoesNotFit`: there is none. `Unknown`: the search visited
  /// `work` slots and moments without an answer.
  Verdict run(int64_t capacity, int64_t work);

  Plan getPlan() const;

  /// The number of slots and moments that all runs have visited.
  int64_t getWork() const { return work; }

private:
  /// A slot. Moments are numbered. One moment between a begin and the next end
  /// is sufficient, because a maximal set of slots is live there.
  struct Item {
    uint32_t slot;
    uint32_t begin, end;   // moments
    int64_t size, rounded; // bytes; rounded up to a multiple of `grain`
    int64_t align;
    int64_t offset; // the least possible one above the placed items
    bool placed;
  };

  /// A value that was changed.
  struct Change {
    uint32_t index;
    int64_t old;
  };

  /// One placed item and its alternatives: the sizes of the stacks when the
  /// level began, and the state to restore.
  struct Level {
    size_t candidates, next, offsets, floors;
    int64_t last;
    uint32_t first;
    std::optional<uint32_t> item;
  };

  void setMoments(llvm::ArrayRef<Slot> slots);
  void reset();
  void enterLevel();
  bool findCandidates();
  void place(Level &level, uint32_t index);
  void takeBack(Level &level);
  void raiseFloors(const Item &item, int64_t old);

  llvm::SmallVector<Item, 0> items;                          // by preference
  llvm::SmallVector<llvm::SmallVector<uint32_t, 0>, 0> live; // items per moment
  int64_t grain = 1; // divides all alignments
  int64_t capacity = 0, work = 0;

  // For the items that are not placed, at each moment: their total bytes, and
  // the least of their offsets.
  llvm::SmallVector<int64_t, 0> rest, floors;
  size_t left = 0;    // the number of those items
  int64_t last = 0;   // none of them begins below this offset,
  uint32_t first = 0; // and those before this one begin above it

  llvm::SmallVector<Level, 0> levels;
  llvm::SmallVector<uint32_t, 0> candidates;
  llvm::SmallVector<Change, 0> oldOffsets, oldFloors;
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENTSOLVER_H
