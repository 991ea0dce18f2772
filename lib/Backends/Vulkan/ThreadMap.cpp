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

/// Whether the threads of a workgroup should work together.
bool shouldWorkTogether(const Nest &nest, int64_t points) {
  if (points >= kBusy)
    return false;
  int64_t longest = 0;
  for (const Statement &statement : nest.statements) {
    int64_t terms = countTerms(nest, statement);
    // All threads would add all terms.
    if (terms >= kLongSum && !canDivideTerms(statement))
      return false;
    longest = std::max(longest, terms);
  }
  return longest >= kLongSum;
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

/// Gives a thread several points in up to two loops, which reuse different
/// inputs.
void chooseTile(const Nest &nest, ThreadMap &map) {
  SmallVector<int> loops = nest.parallelLoops();
  llvm::stable_sort(loops, [&](int l, int k) {
    return nest.loops[l].extent > nest.loops[k].extent;
  });
  int64_t operations = countOfPoint(nest);
  uint64_t before = 0;
  for (int loop : loops) {
    uint64_t reused = findReuse(nest, loop);
    if (!reused || reused == before)
      continue;
    int64_t points = kMostPoints;
    auto fits = [&] {
      return nest.loops[loop].extent % points == 0 &&
             map.count / points >= kBusy &&
             operations * points <= kMostOperations;
    };
    while (points > 1 && !fits())
      points /= 2;
    if (points == 1)
      continue;
    map.tile[loop] = points;
    map.count /= points;
    operations *= points;
    if (before)
      return;
    before = reused;
  }
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

ThreadMap mapThreads(const Nest &nest, bool keepsOrder) {
  ThreadMap map = onePerThread(nest);
  map.together = !keepsOrder && shouldWorkTogether(nest, map.count);
  if (!map.together)
    chooseTile(nest, map);
  return map;
}

} // namespace mlir::pock
