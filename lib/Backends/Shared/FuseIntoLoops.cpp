//===- FuseIntoLoops.cpp - Elementwise operations into loops of blocks ----===//
//
// Loops compute a result block by block (a convolution by tiles), and an
// elementwise operation follows: a bias, a relu, the update of a weight. This
// pass moves the operation into the loops, where it runs on each block before
// its insertion, while the block is in the cache.
//
//===----------------------------------------------------------------------===//

#include "FuseOnTensors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Loops around the insertion of blocks, with a single result.
struct BlockLoops {
  /// Outermost first.
  SmallVector<scf::ForOp> loops;
  tensor::InsertSliceOp insert;

  /// The partial result into which the block is inserted.
  Value getCarried() { return insert.getDest(); }
};

/// Whether the blocks of different iterations of `loop` are disjoint in a
/// dimension, in which they have this offset and size.
bool isDividedBy(OpFoldResult offset, int64_t size, scf::ForOp loop) {
  auto value = dyn_cast<Value>(offset);
  std::optional<int64_t> step = getConstantIntValue(loop.getStep());
  if (!value || !step)
    return false;
  if (value == loop.getInductionVar())
    return *step >= size;
  auto product = value.getDefiningOp<arith::MulIOp>();
  if (!product || product.getLhs() != loop.getInductionVar())
    return false;
  std::optional<int64_t> factor = getConstantIntValue(product.getRhs());
  return factor && *factor * *step >= size;
}

/// Whether no two iterations insert into the same place.
bool areDisjoint(BlockLoops &found) {
  return llvm::all_of(found.loops, [&](scf::ForOp loop) {
    for (auto [offset, size] : llvm::zip(found.insert.getMixedOffsets(),
                                         found.insert.getStaticSizes()))
      if (isDividedBy(offset, size, loop))
        return true;
    return false;
  });
}

/// The loops that compute `value`, if they insert it block by block.
std::optional<BlockLoops> findLoops(Value value) {
  BlockLoops found;
  while (auto loop = value.getDefiningOp<scf::ForOp>()) {
    if (loop.getNumResults() != 1 || !value.hasOneUse())
      return std::nullopt;
    // Only the loops and the insertion may use the carried value.
    found.loops.push_back(loop);
    value = loop.getBody()->getTerminator()->getOperand(0);
  }
  if (found.loops.empty())
    return std::nullopt;
  for (size_t i = 1; i < found.loops.size(); ++i)
    if (found.loops[i].getInitArgs()[0] !=
        found.loops[i - 1].getRegionIterArgs()[0])
      return std::nullopt;
  found.insert = value.getDefiningOp<tensor::InsertSliceOp>();
  scf::ForOp inner = found.loops.back();
  // Entries that are not inserted are undefined, and so is the initial value.
  if (!found.loops.front().getInitArgs()[0].getDefiningOp<tensor::EmptyOp>() ||
      !found.insert || !value.hasOneUse() ||
      found.insert->getBlock() != inner.getBody() ||
      found.insert.getDest() != inner.getRegionIterArgs()[0] ||
      found.insert.getSourceType().getRank() !=
          found.insert.getDestType().getRank() ||
      !areDisjoint(found))
    return std::nullopt;
  return found;
}

/// Whether each result of `map` is a dimension of its own or a constant.
bool selects(AffineMap map) {
  return llvm::all_of(map.getResults(), [](AffineExpr expr) {
    return isa<AffineDimExpr, AffineConstantExpr>(expr);
  });
}

/// The input of `op` that it overwrites with its result, element by element;
/// null if there is none.
OpOperand *findUpdated(linalg::GenericOp op) {
  OpOperand *init = op.getDpsInitOperand(0);
  for (OpOperand *input : op.getDpsInputOperands())
    if (input->get() == init->get())
      return input;
  return nullptr;
}

/// Whether `op` runs element by element over its operand `made`.
bool isElementwiseOn(linalg::GenericOp op, OpOperand &made) {
  if (op.getNumReductionLoops() != 0 || op.getNumDpsInits() != 1 ||
      op.getResult(0).getType() != made.get().getType() ||
      op.hasIndexSemantics() ||
      !op.getMatchingIndexingMap(&made).isIdentity() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return false;
  for (OpOperand *input : op.getDpsInputOperands())
    if (!selects(op.getMatchingIndexingMap(input)) ||
        (input != &made && input->get() == made.get()))
      return false;
  OpOperand *updated = findUpdated(op);
  if (updated && !op.getMatchingIndexingMap(updated).isIdentity())
    return false;
  auto isPlain = [](Operation &inner) { return isMemoryEffectFree(&inner); };
  return llvm::all_of(op.getBody()->without_terminator(), isPlain) &&
         !op.payloadUsesValueFromOperand(op.getDpsInitOperand(0));
}

/// The slice of `value`, read through `map`, that the block needs.
Value sliceFor(OpBuilder &b, Location loc, Value value, AffineMap map,
               tensor::InsertSliceOp block) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return value;
  SmallVector<OpFoldResult> offsets, sizes;
  SmallVector<OpFoldResult> strides(type.getRank(), b.getIndexAttr(1));
  bool whole = true;
  for (auto [expr, size] : llvm::zip_equal(map.getResults(), type.getShape())) {
    offsets.push_back(b.getIndexAttr(0));
    sizes.push_back(b.getIndexAttr(size));
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      continue;
    offsets.back() = block.getMixedOffsets()[dim.getPosition()];
    sizes.back() = block.getMixedSizes()[dim.getPosition()];
    whole &= block.getSourceType().getDimSize(dim.getPosition()) == size;
  }
  if (whole)
    return value;
  return tensor::ExtractSliceOp::create(b, loc, value, offsets, sizes, strides);
}

/// Whether the operands of `op` other than `made` are available at `loop`,
/// possibly after moving their reshapes there.
bool availableAt(linalg::GenericOp op, OpOperand &made, scf::ForOp loop) {
  for (OpOperand &operand : op->getOpOperands()) {
    Operation *source = operand.get().getDefiningOp();
    if (&operand == &made || !source || source->isBeforeInBlock(loop))
      continue;
    bool movable = isPure(source) && source->getBlock() == loop->getBlock() &&
                   llvm::all_of(source->getOperands(), [&](Value value) {
                     Operation *def = value.getDefiningOp();
                     return !def || def->isBeforeInBlock(loop);
                   });
    if (!movable)
      return false;
    source->moveBefore(loop);
  }
  return true;
}

/// Computes the blocks in separate memory, because the place where they are
/// inserted still contains the values to be updated.
void makeBlocksApart(BlockLoops &found) {
  for (OpOperand &use :
       llvm::make_early_inc_range(found.getCarried().getUses())) {
    auto slice = dyn_cast<tensor::ExtractSliceOp>(use.getOwner());
    if (!slice)
      continue;
    OpBuilder b(slice);
    slice.replaceAllUsesWith(
        tensor::EmptyOp::create(b, slice.getLoc(), slice.getType().getShape(),
                                slice.getType().getElementType())
            .getResult());
    slice.erase();
  }
}

void fuse(linalg::GenericOp op, OpOperand &made, BlockLoops &found) {
  OpOperand *updated = findUpdated(op);
  if (updated)
    makeBlocksApart(found);
  OpBuilder b(found.insert);
  Location loc = op.getLoc();
  Value block = found.insert.getSource();
  // Compute in place: the old value of the result is the block, or the updated
  // input.
  OpOperand *inPlace = updated ? updated : &made;
  Value init = updated
                   ? sliceFor(b, loc, found.getCarried(),
                              op.getMatchingIndexingMap(updated), found.insert)
                   : block;
  SmallVector<OpOperand *> operands;
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (input == inPlace)
      continue;
    AffineMap map = op.getMatchingIndexingMap(input);
    operands.push_back(input);
    inputs.push_back(input == &made
                         ? block
                         : sliceFor(b, loc, input->get(), map, found.insert));
    maps.push_back(map);
  }
  maps.push_back(op.getMatchingIndexingMap(op.getDpsInitOperand(0)));
  auto fused = linalg::GenericOp::create(
      b, loc, block.getType(), inputs, init, maps, op.getIteratorTypesArray(),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        IRMapping mapping;
        mapping.map(op.getMatchingBlockArgument(inPlace), args.back());
        for (auto [input, arg] : llvm::zip(operands, args))
          mapping.map(op.getMatchingBlockArgument(input), arg);
        for (Operation &inner : op.getBody()->getOperations())
          b.clone(inner, mapping);
      });
  found.insert.getSourceMutable().assign(fused.getResult(0));
  // The result is computed in the out of the operation.
  scf::ForOp outer = found.loops.front();
  outer.getInitArgsMutable()[0].set(op.getDpsInits()[0]);
  op.getResult(0).replaceAllUsesWith(outer.getResult(0));
  op.erase();
}

} // namespace

void fuseIntoLoops(func::FuncOp func) {
  for (bool changed = true; changed;) {
    changed = false;
    for (auto op : llvm::make_early_inc_range(
             func.getBody().front().getOps<linalg::GenericOp>()))
      for (OpOperand *input : op.getDpsInputOperands()) {
        std::optional<BlockLoops> found = findLoops(input->get());
        if (!found || !isElementwiseOn(op, *input) ||
            !availableAt(op, *input, found->loops.front()))
          continue;
        fuse(op, *input, *found);
        changed = true;
        break;
      }
  }
}

} // namespace mlir::pock
