//===- ProductEpilogue.cpp - Long operations behind products --------------===//

#include "ProductEpilogue.h"

#include "../Shared/Nest.h"
#include "../Shared/NestBody.h"
#include "../Shared/Slices.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace mlir::pock {

void sliceOperands(OpBuilder &b, linalg::GenericOp op, unsigned loop,
                   OpFoldResult first, int64_t size,
                   SmallVectorImpl<Value> &operands) {
  for (OpOperand &operand : op->getOpOperands())
    if (isa<MemRefType>(operand.get().getType()))
      if (int position = *positionOf(op.getMatchingIndexingMap(&operand), loop);
          position >= 0)
        operands[operand.getOperandNumber()] = sliceOf(
            b, operands[operand.getOperandNumber()], position, first, size);
}

namespace {

/// Whether `op` computes so much per entry that tiles must not repeat it.
bool isLong(linalg::GenericOp op) {
  constexpr double most = 12;
  if (op.getNumReductionLoops())
    return false;
  std::optional<Nest> nest = buildNest(op);
  return nest && bodyCost(nest->statements.front()) > most;
}

/// Runs `op` in a loop of its own over its longest dimension. Neighbouring
/// entries of the others may share work (random numbers).
void runApart(linalg::GenericOp op) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  std::optional<unsigned> longest;
  for (unsigned loop = 0; loop < extents.size(); ++loop)
    if (extents[loop] > 1 &&
        (!longest || extents[loop] > extents[*longest]) &&
        llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) {
          return positionOf(map, loop).has_value();
        }))
      longest = loop;
  if (!longest)
    return;
  OpBuilder b(op);
  emitBlocks(b, op.getLoc(), extents[*longest], 1,
             [&](OpFoldResult first, int64_t count) {
               SmallVector<Value> operands(op->getOperands());
               sliceOperands(b, op, *longest, first, count, operands);
               auto part = cast<linalg::GenericOp>(b.clone(*op));
               part->setOperands(operands);
               shiftIndices(part, *longest, first);
             });
  op.erase();
}

} // namespace

void separateLong(Block &block) {
  llvm::SmallPtrSet<Value, 2> sums;
  for (auto op :
       llvm::make_early_inc_range(block.getOps<linalg::GenericOp>())) {
    if (op.getNumReductionLoops() == 1 && addsProducts(op))
      sums.insert(findRoot(op.getDpsInits()[0]));
    else if (isLong(op) && llvm::any_of(op.getDpsInputs(), [&](Value input) {
               return sums.contains(findRoot(input));
             }))
      runApart(op);
  }
}

} // namespace mlir::pock
