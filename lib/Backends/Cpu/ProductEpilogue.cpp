//===- ProductEpilogue.cpp - Long operations behind products --------------===//

#include "ProductEpilogue.h"

#include "../Shared/Nest.h"
#include "../Shared/NestBody.h"
#include "../Shared/Slices.h"
#include "Pock/IR/AttributeNames.h"
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

} // namespace

void separateLong(Block &block) {
  llvm::SmallPtrSet<Value, 2> sums;
  for (auto op : block.getOps<linalg::GenericOp>()) {
    if (op.getNumReductionLoops() == 1 && addsProducts(op))
      sums.insert(findRoot(op.getDpsInits()[0]));
    else if (isLong(op) && llvm::any_of(op.getDpsInputs(), [&](Value input) {
               return sums.contains(findRoot(input));
             }))
      op->setAttr(attribute::apart, UnitAttr::get(op.getContext()));
  }
}

} // namespace mlir::pock
