//===- ThreadMap.cpp - How threads share the points of a nest -------------===//

#include "ThreadMap.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Sums of fewer terms are not worth the time in which threads of a workgroup
/// wait for each other.
constexpr int64_t kLongSum = 128;

/// The most points of one thread in one loop, and operations that its code may
/// have.
constexpr int64_t kMostPoints = 4, kMostOperations = 512;

/// The operations that decide whether a tap is on the border of a window.
constexpr int64_t kWindowOperations = 4;

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
  return count + kWindowOperations * nest.windows.size();
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

/// Whether the code of a thread with so many points is short enough.
bool isShort(const Nest &nest, std::array<int64_t, 2> tile) {
  return countOfPoint(nest) * tile[0] * tile[1] <= kMostOperations;
}

/// Whether a thread can compute so many points in the loops of
/// `findTiledLoops`.
bool isPossible(const Nest &nest, ArrayRef<int> loops,
                std::array<int64_t, 2> tile) {
  for (auto [i, points] : llvm::enumerate(tile))
    if (points != 1 &&
        (i >= loops.size() || nest.loops[loops[i]].extent % points != 0))
      return false;
  return isShort(nest, tile);
}

/// The tile with the most points that leaves a device `busy` threads.
std::array<int64_t, 2> chooseTile(const Nest &nest, ArrayRef<int> loops,
                                  int64_t busy) {
  int64_t threads = onePerThread(nest).count;
  std::array<int64_t, 2> tile = {1, 1};
  for (size_t i = 0; i < loops.size(); ++i)
    for (int64_t points = kMostPoints; points > 1; points /= 2) {
      std::array<int64_t, 2> larger = tile;
      larger[i] = points;
      if (threads / points < busy || !isPossible(nest, loops, larger))
        continue;
      tile = larger;
      threads /= points;
      break;
    }
  return tile;
}

/// Whether the threads of a workgroup can compute one point together.
bool canWorkTogether(const Nest &nest) {
  // All threads would add all terms of the others.
  return llvm::any_of(nest.statements, canDivideTerms) &&
         llvm::all_of(nest.statements, [&](const Statement &statement) {
           return countTerms(nest, statement) < kLongSum ||
                  canDivideTerms(statement);
         });
}

WorkgroupTile withPoints(WorkgroupTile tile, std::array<int64_t, 2> points) {
  tile.rows.points = points[0];
  tile.columns.points = points[1];
  return tile;
}

/// Whether most points of all tiles of a size are points of the nest, and the
/// tiles keep a device busy: a thread with many points waits less.
bool pays(const WorkgroupTile &tile, const ThreadRules &rules) {
  int64_t points = tile.rows.extent * tile.columns.extent,
          computed = tile.rows.countTiles() * tile.rows.pointsOfTile() *
                     tile.columns.countTiles() * tile.columns.pointsOfTile();
  return 3 * points >= 2 * computed &&
         4 * tile.countTiles() >= rules.workgroups;
}

/// The points of a thread with which a tile reads the fewest entries; nothing
/// if other ways are better.
std::optional<std::array<int64_t, 2>> choosePoints(const Nest &nest,
                                                   const WorkgroupTile &tile,
                                                   const ThreadRules &rules) {
  constexpr std::array<int64_t, 2> all[] = {{4, 4}, {4, 2}, {2, 4}, {2, 2}};
  for (std::array<int64_t, 2> points : all)
    if (isShort(nest, points) && pays(withPoints(tile, points), rules))
      return points;
  return std::nullopt;
}

/// How the threads of workgroups share work best.
Sharing chooseSharing(const Nest &nest, const ThreadRules &rules) {
  if (rules.keepsOrder)
    return Sharing::Apart;
  if (onePerThread(nest).count < rules.busyThreads() &&
      countLongest(nest) >= kLongSum && canWorkTogether(nest))
    return Sharing::Together;
  if (rules.sharesTiles)
    if (std::optional<WorkgroupTile> tile = findWorkgroupTile(nest);
        tile && choosePoints(nest, *tile, rules))
      return Sharing::Tile;
  return Sharing::Apart;
}

} // namespace

SmallVector<int> loopsByResult(const Nest &nest) {
  SmallVector<int> loops = nest.parallelLoops();
  const Access &out = nest.statements.back().outs.front();
  llvm::stable_sort(loops, [&](int l, int k) {
    return std::abs(out.strides[l]) > std::abs(out.strides[k]);
  });
  return loops;
}

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

SmallVector<Sharing> listSharing(const Nest &nest, const ThreadRules &rules) {
  SmallVector<Sharing> all = {Sharing::Apart};
  if (!rules.keepsOrder && canWorkTogether(nest))
    all.push_back(Sharing::Together);
  if (!rules.keepsOrder && findWorkgroupTile(nest))
    all.push_back(Sharing::Tile);
  return all;
}

ThreadMap mapThreads(const Nest &nest, const ThreadRules &rules,
                     const ThreadChoice &choice) {
  ThreadMap map = onePerThread(nest);
  map.sharing = chooseSharing(nest, rules);
  if (choice.sharing &&
      llvm::is_contained(listSharing(nest, rules), *choice.sharing))
    map.sharing = *choice.sharing;
  switch (map.sharing) {
  case Sharing::Together:
    return map;
  case Sharing::Tile: {
    WorkgroupTile tile = *findWorkgroupTile(nest);
    std::array<int64_t, 2> points =
        choosePoints(nest, tile, rules).value_or(std::array<int64_t, 2>{2, 2});
    if (choice.tile && isShort(nest, *choice.tile))
      points = *choice.tile;
    map.workgroupTile = withPoints(tile, points);
    map.count = map.workgroupTile->countTiles();
    return map;
  }
  case Sharing::Apart:
    SmallVector<int, 2> loops = findTiledLoops(nest);
    std::array<int64_t, 2> tile = chooseTile(nest, loops, rules.busyThreads());
    if (choice.tile && isPossible(nest, loops, *choice.tile))
      tile = *choice.tile;
    for (auto [loop, points] : llvm::zip(loops, tile)) {
      map.tile[loop] = points;
      map.count /= points;
    }
    return map;
  }
  llvm_unreachable("all are covered");
}

SmallVector<std::array<int64_t, 2>> listTiles(const Nest &nest,
                                              const ThreadRules &rules) {
  SmallVector<int, 2> loops = findTiledLoops(nest);
  bool shares = chooseSharing(nest, rules) == Sharing::Tile;
  std::array<int64_t, 2> first =
      shares ? *choosePoints(nest, *findWorkgroupTile(nest), rules)
             : chooseTile(nest, loops, rules.busyThreads());
  SmallVector<std::array<int64_t, 2>> tiles = {first};
  // Square ones first: they reuse most.
  constexpr std::array<int64_t, 2> all[] = {
      {4, 4}, {2, 2}, {8, 4}, {4, 8}, {4, 2}, {2, 4}, {8, 8},
      {8, 2}, {2, 8}, {4, 1}, {1, 4}, {2, 1}, {1, 2}, {1, 1}};
  for (std::array<int64_t, 2> tile : all)
    if (tile != first &&
        (shares ? isShort(nest, tile) : isPossible(nest, loops, tile)))
      tiles.push_back(tile);
  return tiles;
}

} // namespace mlir::pock
