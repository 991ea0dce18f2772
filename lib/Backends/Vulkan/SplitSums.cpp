//===- SplitSums.cpp - Long sums of few points in two steps ---------------===//
//
// The threads of a workgroup add the terms of a point together. A device with
// more workgroups than there are points is busy only if several of them add
// parts of the terms, and a second dispatch adds their sums.
//
// Needs bufferized kernels. Does not change sums whose order matters, and those
// in loops.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestFusion.h"
#include "DeviceRow.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "ThreadMap.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SPLITSUMS
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The terms that a thread of a workgroup should add at least.
constexpr int64_t kFewTerms = 16;

/// Whether `dim` stands alone wherever it occurs in `op`'s maps, so that any
/// part of its loop is a loop.
bool standsAlone(linalg::GenericOp op, unsigned dim) {
  return llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) {
    return llvm::all_of(map.getResults(), [&](AffineExpr result) {
      return isa<AffineDimExpr>(result) || !result.isFunctionOfDim(dim);
    });
  });
}

int64_t largestDivisor(int64_t value, int64_t most) {
  for (int64_t divisor = std::min(value, most); divisor > 1; --divisor)
    if (value % divisor == 0)
      return divisor;
  return 1;
}

/// What adds the terms of `op`, if threads of several workgroups can do it;
/// else null.
Operation *findCombiner(linalg::GenericOp op) {
  std::optional<Nest> nest = buildNest(op);
  // A dimension of what has a border is none of the buffer under it.
  if (!nest || !nest->windows.empty() || op.getNumDpsInits() != 1)
    return nullptr;
  const Statement &sum = nest->statements.front();
  return canDivideTerms(sum) && !sum.usesIndex ? sum.combiners.front()
                                               : nullptr;
}

/// A reduction loop, and into how many parts it is divided.
struct Division {
  unsigned dim = 0;
  int64_t parts = 1;
};

/// The division of `op` that gives `workgroups` workgroups work.
Division chooseDivision(linalg::GenericOp op, int64_t workgroups) {
  int64_t points = 1, terms = 1;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<utils::IteratorType> loops = op.getIteratorTypesArray();
  for (auto [extent, loop] : llvm::zip_equal(extents, loops))
    (loop == utils::IteratorType::parallel ? points : terms) *= extent;
  Division best;
  if (points == 0 || terms == 0)
    return best;
  int64_t wanted =
      std::min(workgroups / points, terms / (kThreads * kFewTerms));
  for (auto [dim, loop] : llvm::enumerate(loops)) {
    if (loop == utils::IteratorType::parallel || !standsAlone(op, dim))
      continue;
    int64_t parts = largestDivisor(extents[dim], wanted);
    if (parts > best.parts)
      best = {static_cast<unsigned>(dim), parts};
  }
  return best;
}

/// `in` with two dimensions in place of that of the divided loop: the part, and
/// its entries. `map`, in which the part is the first loop, becomes its map.
Value divideLoop(OpBuilder &b, Location loc, Value in, AffineMap &map,
                 const Division &division) {
  auto type = dyn_cast<MemRefType>(in.getType());
  AffineExpr dim = b.getAffineDimExpr(division.dim + 1);
  if (!type || !llvm::is_contained(map.getResults(), dim))
    return in;
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> results;
  SmallVector<ReassociationIndices> groups;
  auto add = [&](int64_t size, AffineExpr result) {
    groups.back().push_back(shape.size());
    shape.push_back(size);
    results.push_back(result);
  };
  for (auto [size, result] :
       llvm::zip_equal(type.getShape(), map.getResults())) {
    groups.emplace_back();
    bool isDivided = result == dim;
    if (isDivided)
      add(division.parts, b.getAffineDimExpr(0));
    add(isDivided ? size / division.parts : size, result);
  }
  map = AffineMap::get(map.getNumDims(), 0, results, b.getContext());
  return memref::ExpandShapeOp::create(b, loc, shape, in, groups);
}

/// Replaces `op`, which adds its terms by `combiner`, by two operations: sums
/// of each part, in a temporary, and sums of these.
void split(linalg::GenericOp op, Operation *combiner,
           const Division &division) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  MLIRContext *context = op.getContext();
  unsigned rank = op.getNumLoops();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<utils::IteratorType> loops = op.getIteratorTypesArray();

  // The part is a new loop, the first one.
  AffineExpr part = b.getAffineDimExpr(0);
  SmallVector<Value> ins;
  SmallVector<AffineMap> maps;
  for (OpOperand *in : op.getDpsInputOperands()) {
    AffineMap map =
        op.getMatchingIndexingMap(in).shiftDims(/*shift=*/1, /*offset=*/0);
    ins.push_back(divideLoop(b, loc, in->get(), map, division));
    maps.push_back(map);
  }
  SmallVector<utils::IteratorType> partLoops = {utils::IteratorType::parallel};
  llvm::append_range(partLoops, loops);

  SmallVector<int64_t> shape = {division.parts};
  SmallVector<AffineExpr> place = {part}, point(rank);
  for (auto [dim, loop] : llvm::enumerate(loops))
    if (loop == utils::IteratorType::parallel) {
      point[dim] = b.getAffineDimExpr(shape.size() - 1);
      place.push_back(b.getAffineDimExpr(dim + 1));
      shape.push_back(extents[dim]);
    }
  auto out = cast<TypedValue<MemRefType>>(op.getOutputs().front());
  Type type = out.getType().getElementType();
  Value sums = memref::AllocOp::create(b, loc, MemRefType::get(shape, type));
  Value neutral =
      arith::ConstantOp::create(b, loc, *arith::getNeutralElement(combiner));
  linalg::FillOp::create(b, loc, neutral, sums);
  maps.push_back(AffineMap::get(rank + 1, 0, place, context));
  auto first = linalg::GenericOp::create(b, loc, ins, sums, maps, partLoops);
  first.getRegion().takeBody(op.getRegion());

  // The parts are the last loop.
  unsigned points = shape.size() - 1;
  SmallVector<AffineExpr> sumOf = {b.getAffineDimExpr(points)};
  for (unsigned dim = 0; dim < points; ++dim)
    sumOf.push_back(b.getAffineDimExpr(dim));
  AffineMap outMap = op.getIndexingMapsArray().back();
  AffineMap sumMap = AffineMap::get(points + 1, 0, sumOf, context),
            pointMap = outMap.replaceDimsAndSymbols(point, {}, points + 1, 0);
  SmallVector<utils::IteratorType> sumLoops(points,
                                            utils::IteratorType::parallel);
  sumLoops.push_back(utils::IteratorType::reduction);
  linalg::GenericOp::create(
      b, loc, ValueRange(sums), ValueRange(out),
      ArrayRef<AffineMap>{sumMap, pointMap}, sumLoops,
      [&](OpBuilder &b, Location loc, ValueRange values) {
        IRMapping map;
        BlockArgument old = first.getBody()->getArguments().back();
        for (Value operand : combiner->getOperands())
          map.map(operand, operand == old ? values[1] : values[0]);
        linalg::YieldOp::create(b, loc, b.clone(*combiner, map)->getResult(0));
      });
  op.erase();
}

struct SplitSums : impl::SplitSumsBase<SplitSums> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (isPortable(module))
      return;
    int64_t workgroups = deviceRowOf(module).workgroups;
    for (func::FuncOp kernel : kernelsOf(module)) {
      generalizeAll(kernel);
      for (linalg::GenericOp op :
           llvm::make_early_inc_range(kernel.getOps<linalg::GenericOp>())) {
        Division division = chooseDivision(op, workgroups);
        if (division.parts == 1)
          continue;
        if (Operation *combiner = findCombiner(op))
          split(op, combiner, division);
      }
    }
  }
};

} // namespace
} // namespace mlir::pock
