//===- NestReduction.cpp - Reduction loops of a statement -----------------===//
//
// All accumulators of a tile are iter_args of the reduction loops. If the
// combiner may be reordered, each point has several accumulators ("slots"):
// vectors along the reduction, or independent chains that hide the latency of
// an addition.
//
//===----------------------------------------------------------------------===//

#include "NestEmitterImpl.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mlir::pock {
namespace detail {

/// The values of the outs before the reduction, in out-major order.
NestEmitter::Values NestEmitter::initialValues(Statement &statement,
                                               ArrayRef<Point> points) {
  Values result;
  int row = schedule.row, col = schedule.col;
  for (auto [j, access] : llvm::enumerate(statement.outs)) {
    const Values *found = findForwarded(access);
    for (auto [p, point] : llvm::enumerate(points)) {
      if (found) {
        result.push_back((*found)[p]);
      } else if (!statement.readsOut(j)) {
        Type type = vectorOf(access.elementType, point.col.lanes);
        result.push_back(
            arith::ConstantOp::create(b, loc, b.getZeroAttr(type)));
      } else {
        int64_t extra = (row >= 0 ? access.strides[row] * point.row : 0) +
                        (col >= 0 ? access.strides[col] * point.col.offset : 0);
        result.push_back(load(access, extra, col >= 0 ? access.strides[col] : 0,
                              point.col.lanes));
      }
    }
  }
  return result;
}

/// Loads the factors of a product for all rows and columns of a tile, which are
/// adjacent; those of the next step too if they follow.
void NestEmitter::loadGroups(Statement &statement, Step step) {
  for (Access &access : statement.ins) {
    int loop = access.strides[schedule.row] == 1 ? schedule.row : schedule.col;
    if (!access.root || access.strides[loop] != 1 || size[loop] != kGroup)
      continue;
    int64_t extra =
        step.loop >= 0 ? access.strides[step.loop] * step.piece.offset : 0;
    if (loaded(access, extra, 0, 1))
      continue;
    bool pair =
        step.loop >= 0 && step.paired && access.strides[step.loop] == kGroup;
    int64_t count = pair ? 2 * kGroup : kGroup;
    Value group = load(access, extra, 1, count);
    for (int64_t i = 0; i < count; ++i)
      loaded(access, extra + i, 0, 1) =
          vector::ExtractOp::create(b, loc, group, i);
  }
}

/// One reduction step for all points, into accumulator slot `slot`.
void NestEmitter::step(Statement &statement, ArrayRef<Point> points, Step step,
                       size_t slot, size_t numSlots, Values &accumulators) {
  size_t numOuts = statement.outs.size();
  if (schedule.groups)
    loadGroups(statement, step);
  for (size_t p = 0; p < points.size(); ++p) {
    const Point &point = points[p];
    if (isLeftOut(point.row))
      continue;
    auto at = [&](size_t j) -> Value & {
      return accumulators[(j * points.size() + p) * numSlots + slot];
    };
    Values outs;
    for (size_t j = 0; j < numOuts; ++j)
      outs.push_back(at(j));
    Values results = emitBodyAt(statement, point, step, outs, p);
    for (size_t j = 0; j < numOuts; ++j)
      at(j) = results[j];
  }
}

/// Emits the innermost reduction loop. The slots are the accumulators of each
/// point. The loop uses the slots of full width; the remainder also uses slots
/// with fewer lanes.
NestEmitter::Values NestEmitter::reduceInnermost(Statement &statement, int loop,
                                                 ArrayRef<Piece> slots,
                                                 ArrayRef<Point> points,
                                                 Values accumulators) {
  int64_t width = slots.front().lanes, inStep = 0;
  while (inStep < static_cast<int64_t>(slots.size()) &&
         slots[inStep].lanes == width)
    ++inStep;
  auto [begin, end] = tapsOf(loop);
  // Two groups of each factor fit into the registers.
  int64_t copies = schedule.groups ? 2 : 1;
  int64_t extent = end - begin, size = inStep * width * copies;
  int64_t main = extent / size * size;
  auto emitSteps = [&](Values values) {
    if (schedule.groups) {
      for (int64_t s = 0; s < copies; ++s)
        step(statement, points, {loop, {s, 1}, s == 0}, 0, slots.size(),
             values);
      return values;
    }
    for (int64_t s = 0; s < inStep; ++s)
      step(statement, points, {loop, {s * width, width}}, s, slots.size(),
           values);
    return values;
  };
  if (main == size) {
    Position at(*this, loop, begin);
    accumulators = emitSteps(std::move(accumulators));
  } else if (main) {
    accumulators = emitFor(loop, constant(begin), constant(begin + main), size,
                           accumulators, emitSteps);
  }
  // The remainder adds pieces of full width to the loop's slots, and smaller
  // pieces to slots of their own.
  size_t slot = 0;
  Position at(*this, loop, begin + main);
  for (Piece piece :
       splitIntoPieces(extent - main, width, schedule.leastLanes)) {
    if (schedule.groups) {
      step(statement, points, {loop, piece}, 0, slots.size(), accumulators);
      continue;
    }
    if (piece.lanes != width)
      slot =
          llvm::find_if(
              slots, [&](const Piece &s) { return s.lanes == piece.lanes; }) -
          slots.begin();
    step(statement, points, {loop, piece}, slot, slots.size(), accumulators);
    ++slot;
  }
  return accumulators;
}

NestEmitter::Values
NestEmitter::reduce(Statement &statement, ArrayRef<int> loops, size_t depth,
                    ArrayRef<bool> unroll, ArrayRef<Piece> slots,
                    ArrayRef<Point> points, Values accumulators) {
  int loop = loops[depth];
  bool innermost = depth + 1 == loops.size();
  if (auto bounds = tapBounds[loop])
    return emitFor(loop, bounds->first, bounds->second, 1, accumulators,
                   [&](Values values) {
                     if (!innermost)
                       return reduce(statement, loops, depth + 1, unroll, slots,
                                     points, std::move(values));
                     step(statement, points, Step(), 0, slots.size(), values);
                     return values;
                   });
  auto [begin, end] = tapsOf(loop);
  if (begin >= end)
    return accumulators;
  if (unroll[depth]) {
    for (int64_t i = begin; i < end; ++i) {
      Position at(*this, loop, i);
      if (innermost)
        step(statement, points, Step(), 0, slots.size(), accumulators);
      else
        accumulators = reduce(statement, loops, depth + 1, unroll, slots,
                              points, std::move(accumulators));
    }
    return accumulators;
  }
  if (innermost)
    return reduceInnermost(statement, loop, slots, points,
                           std::move(accumulators));
  return emitFor(loop, constant(begin), constant(end), 1, accumulators,
                 [&](Values values) {
                   return reduce(statement, loops, depth + 1, unroll, slots,
                                 points, std::move(values));
                 });
}

NestEmitter::Values NestEmitter::emitReduction(size_t index,
                                               ArrayRef<Point> points) {
  Statement &statement = nest.statements[index];
  int vectorLoop = schedule.reductionLoop[index];
  SmallVector<int> loops = statement.reductions;
  if (vectorLoop >= 0) {
    llvm::erase(loops, vectorLoop);
    loops.push_back(vectorLoop);
  }
  bool mayReorder = !schedule.keepsOrder &&
                    llvm::all_of(statement.combiners, [](Operation *op) {
                      return op && arith::getNeutralElement(op);
                    });

  SmallVector<bool> unroll(loops.size(), false);
  if (vectorLoop < 0)
    unroll = chooseUnrolled(nest, schedule, loops, points.size());

  // The taps must be static, to know which of them a row leaves out.
  if (!isInnerTile())
    for (const TapWindow &window : nest.windows)
      if (window.points == schedule.row)
        if (auto *found = llvm::find(loops, window.taps); found != loops.end())
          unroll[found - loops.begin()] = true;

  // Accumulators per point: enough chains to hide the latency of an addition.
  int64_t extent = nest.loops[loops.back()].extent;
  int64_t width = vectorLoop >= 0 ? std::min(schedule.lanes, extent) : 1;
  width = llvm::bit_floor<uint64_t>(width);
  if (width < schedule.leastLanes)
    width = 1;
  int64_t chains = 1;
  if (mayReorder && !unroll.back() && !tapBounds[loops.back()])
    while (chains * 2 * static_cast<int64_t>(points.size()) <= 8 &&
           chains * 2 * width <= extent)
      chains *= 2;
  SmallVector<Piece> slots(chains, Piece{0, width});
  for (Piece piece :
       splitIntoPieces(extent % width, width, schedule.leastLanes))
    slots.push_back(piece);

  // If accumulators are vectors along the reduction, or if there are several,
  // they start at the neutral element, and the initial value is combined last.
  Values initial = initialValues(statement, points);
  bool plain = vectorLoop < 0 && chains == 1;
  Values accumulators;
  for (auto [k, value] : llvm::enumerate(initial)) {
    if (plain) {
      accumulators.push_back(
          broadcast(b, loc, value, points[k % points.size()].col.lanes));
      continue;
    }
    Operation *combiner = statement.combiners[k / points.size()];
    TypedAttr neutral = *arith::getNeutralElement(combiner);
    Value scalar = arith::ConstantOp::create(b, loc, neutral);
    for (const Piece &slot : slots)
      accumulators.push_back(
          broadcast(b, loc, scalar,
                    std::max(slot.lanes, points[k % points.size()].col.lanes)));
  }
  size_t numSlots = plain ? 1 : slots.size();
  if (plain)
    slots.resize(1);
  Values sums = reduce(statement, loops, 0, unroll, slots, points,
                       std::move(accumulators));
  if (plain)
    return sums;

  Values results;
  for (auto [k, start] : llvm::enumerate(initial)) {
    Operation *combiner = statement.combiners[k / points.size()];
    ArrayRef<Value> parts = ArrayRef<Value>(sums).slice(k * numSlots, numSlots);
    Value total = parts[0];
    for (int64_t i = 1; i < chains; ++i)
      total = emitCombine(b, combiner, total, parts[i]);
    if (vectorLoop >= 0)
      total = emitHorizontal(b, combiner, total);
    for (size_t i = chains; i < numSlots; ++i)
      total = emitCombine(b, combiner, total,
                          emitHorizontal(b, combiner, parts[i]));
    Value value = broadcast(b, loc, start, points[k % points.size()].col.lanes);
    results.push_back(emitCombine(b, combiner, value, total));
  }
  return results;
}

} // namespace detail
} // namespace mlir::pock
