//===- ThreadMap.cpp - How threads share the points of a nest -------------===//

#include "ThreadMap.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// A device with this many threads is busy.
constexpr int64_t kBusy = 4096;

/// Sums of fewer terms are not worth the time in which threads of a workgroup
/// wait for each other.
constexpr int64_t kLongSum = 128;

/// The most points of one thread in one loop, and operations that its code may
/// have.
constexpr int64_t kMostPoints = 4, kMostOperations = 512;

int64_t countLongest(const Nest &nest) {
  int64_t longest = 0;
  for (const Statement &statement : nest.statements)
    longest = std::max(longest, countTerms(nest, statement));
  return longest;
}

/// The inputs of sums that are the same at all points of `loop`, as bits.
uint64_t findReuse(const Nest &nest, int loop) {
  uint64_t reused = 0;
  unsigned number = 0;
  for (const Statement &statement : nest.statements) {
    if (!statement.isReduction())
      continue;
    for (const Access &in : statement.ins)
      if (in.root && number < 64) {
        if (in.strides[loop] == 0)
          reused |= uint64_t(1) << number;
        ++number;
      }
  }
  return reused;
}

/// The operations of one point, loads included.
int64_t countOfPoint(const Nest &nest) {
  int64_t count = 0;
  for (const Statement &statement : nest.statements) {
    linalg::GenericOp op = statement.op;
    count += op->getNumOperands() + op.getBody()->getOperations().size();
  }
  return count;
}

/// Up to two parallel loops, at the points of which sums reuse different
/// inputs, the longest first.
SmallVector<int, 2> findTiledLoops(const Nest &nest) {
  SmallVector<int> loops = nest.parallelLoops();
  llvm::stable_sort(loops, [&](int l, int k) {
    return nest.loops[l].extent > nest.loops[k].extent;
  });
  SmallVector<int, 2> tiled;
  uint64_t before = 0;
  for (int loop : loops)
    if (uint64_t reused = findReuse(nest, loop);
        reused && reused != before && tiled.size() < 2) {
      tiled.push_back(loop);
      before = reused;
    }
  return tiled;
}

/// Whether a thread can compute so many points in the tiled loops.
bool isPossible(const Nest &nest, ArrayRef<int> loops,
                std::array<int64_t, 2> tile) {
  for (auto [i, points] : llvm::enumerate(tile))
    if (points != 1 &&
        (i >= loops.size() || nest.loops[loops[i]].extent % points != 0))
      return false;
  return countOfPoint(nest) * tile[0] * tile[1] <= kMostOperations;
}

/// The tile with the most points that leaves a device enough threads.
std::array<int64_t, 2> chooseTile(const Nest &nest, ArrayRef<int> loops,
                                  int64_t threads) {
  std::array<int64_t, 2> tile = {1, 1};
  for (size_t i = 0; i < loops.size(); ++i)
    for (int64_t points = kMostPoints; points > 1; points /= 2) {
      std::array<int64_t, 2> larger = tile;
      larger[i] = points;
      if (threads / points < kBusy || !isPossible(nest, loops, larger))
        continue;
      tile = larger;
      threads /= points;
      break;
    }
  return tile;
}

} // namespace

int64_t countTerms(const Nest &nest, const Statement &statement) {
  int64_t terms = 1;
  for (int loop : statement.reductions)
    terms *= nest.loops[loop].extent;
  return terms;
}

bool canDivideTerms(const Statement &statement) {
  return statement.isReduction() &&
         llvm::all_of(llvm::enumerate(statement.combiners), [&](auto entry) {
           Operation *combiner = entry.value();
           Type type = statement.outs[entry.index()].elementType;
           return combiner && arith::getNeutralElement(combiner) &&
                  (type.isF32() || type.isInteger(32));
         });
}

ThreadMap onePerThread(const Nest &nest) {
  ThreadMap map;
  map.tile.assign(nest.loops.size(), 1);
  for (int loop : nest.parallelLoops())
    map.count *= nest.loops[loop].extent;
  return map;
}

bool canWorkTogether(const Nest &nest) {
  // All threads would add all terms of the others.
  return llvm::any_of(nest.statements, canDivideTerms) &&
         llvm::all_of(nest.statements, [&](const Statement &statement) {
           return countTerms(nest, statement) < kLongSum ||
                  canDivideTerms(statement);
         });
}

ThreadMap mapThreads(const Nest &nest, bool keepsOrder,
                     const ThreadChoice &choice) {
  ThreadMap map = onePerThread(nest);
  bool pays = map.count < kBusy && countLongest(nest) >= kLongSum;
  map.together =
      !keepsOrder && choice.together.value_or(pays) && canWorkTogether(nest);
  if (map.together)
    return map;
  SmallVector<int, 2> loops = findTiledLoops(nest);
  std::array<int64_t, 2> tile = chooseTile(nest, loops, map.count);
  if (choice.tile && isPossible(nest, loops, *choice.tile))
    tile = *choice.tile;
  for (auto [loop, points] : llvm::zip(loops, tile)) {
    map.tile[loop] = points;
    map.count /= points;
  }
  return map;
}

SmallVector<std::array<int64_t, 2>> listTiles(const Nest &nest) {
  SmallVector<int, 2> loops = findTiledLoops(nest);
  SmallVector<std::array<int64_t, 2>> tiles = {
      chooseTile(nest, loops, onePerThread(nest).count)};
  // Square ones first: they reuse most.
  constexpr std::array<int64_t, 2> all[] = {
      {4, 4}, {2, 2}, {8, 4}, {4, 8}, {4, 2}, {2, 4}, {8, 8},
      {8, 2}, {2, 8}, {4, 1}, {1, 4}, {2, 1}, {1, 2}, {1, 1}};
  for (std::array<int64_t, 2> tile : all)
    if (tile != tiles.front() && isPossible(nest, loops, tile))
      tiles.push_back(tile);
  return tiles;
}

} // namespace mlir::pock
