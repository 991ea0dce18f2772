//===- PlacementSolver.h - Exact search for a plan of some capacity -------===//
//
// Branch and bound after MiniMalloc (Moffitt, "MiniMalloc: A Lightweight Memory
// Allocator for Hardware-Accelerated Machine Learning", 2023). Slots are placed
// by rising offsets, each upon those placed before; such canonical plans are
// enough, since every plan becomes one when its slots sink. That makes the part
// of the arena below the last offset final, and what is left must fit above it
// at every moment.
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

  /// All slots must need bytes. Of those that can have the same offset the
  /// first one in `preference` is tried first.
  PlacementSolver(llvm::ArrayRef<Slot> slots,
                  llvm::ArrayRef<uint32_t> preference);

  /// Looks for a plan with a peak of at most `capacity`. `Fits`: it is that of
  /// `getPlan`. `DoesNotFit`: there is none. `Unknown`: there was no answer
  /// after looking at `work` slots and moments.
  Verdict run(int64_t capacity, int64_t work);

  Plan getPlan() const;

  /// How many slots and moments all runs have looked at.
  int64_t getWork() const { return work; }

private:
  /// A slot. Moments are numbered; there is one between a begin and the next
  /// end, for at others no more slots are alive.
  struct Item {
    uint32_t slot;
    uint32_t begin, end;   // moments
    int64_t size, rounded; // bytes; up to a multiple of `grain`
    int64_t align;
    int64_t offset; // the least possible one, given what is placed below
    bool placed;
  };

  /// A value that was changed.
  struct Change {
    uint32_t index;
    int64_t old;
  };

  /// One placed item and what may stand in its place: the parts of the stacks
  /// from these sizes on, and the state to go back to.
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

  // What the items that are not placed need at each moment: their bytes, and
  // the least of their offsets.
  llvm::SmallVector<int64_t, 0> rest, floors;
  size_t left = 0;    // how many those are
  int64_t last = 0;   // none of them lies below this offset,
  uint32_t first = 0; // and those before this one lie above it

  llvm::SmallVector<Level, 0> levels;
  llvm::SmallVector<uint32_t, 0> candidates;
  llvm::SmallVector<Change, 0> oldOffsets, oldFloors;
};

} // namespace mlir::pock

#endif // POCK_SUPPORT_PLACEMENTSOLVER_H
