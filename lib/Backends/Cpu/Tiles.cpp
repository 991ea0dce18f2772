//===- Tiles.cpp - Register tiles that a kernel can have ------------------===//

#include "Tiles.h"
#include "../Shared/NestFusion.h"
#include "../Shared/NestWork.h"
#include "Schedule.h"

using namespace mlir;

namespace mlir::pock {

SmallVector<std::pair<int64_t, int64_t>>
listTiles(func::FuncOp kernel, const TargetDescription &target) {
  generalizeAll(kernel);
  SmallVector<Nest, 0> nests = formNests(kernel);
  SmallVector<std::pair<int64_t, int64_t>> tiles;
  size_t main = findMainNest(nests);
  if (main == nests.size())
    return tiles;
  mergeLoops(nests[main]);
  for (Tile tile : rankTiles(nests[main], target))
    tiles.push_back({tile.rows, tile.vectors});
  return tiles;
}

} // namespace mlir::pock
