//===- BlockReductions.cpp - Long sums in blocks that fit into a cache ----===//
//
// The gradient of a weight sums over all rows of the batch. If the loops over
// tiles of the small result are outermost, the rows are fetched into the cache
// once per tile. This pass makes blocks of rows the outermost loop: a block
// stays in the cache for all tiles, and only the result is read and written
// again for each block.
//
// Needs bufferized kernels. Guarantees that every element is the sum of the
// same products in the same order.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "../Shared/NestFusion.h"
#include "../Shared/Slices.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::pock {
#define GEN_PASS_DEF_BLOCKREDUCTIONS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The minimum number of uses of an entry for which blocks pay.
constexpr int64_t kFewestUses = 32;
/// The minimum number of terms of a block, over which it amortises reading and
/// writing the result.
constexpr int64_t kFewestTerms = 64;

/// The outermost reduction loop of a sum of products whose operands do not fit
/// into `cache`, but whose result does.
std::optional<unsigned> findLoop(linalg::GenericOp op, int64_t cache) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() == 0 || op.getNumParallelLoops() < 2 ||
      bytesOf(op.getDpsInits()[0].getType()) > cache)
    return std::nullopt;
  std::optional<Nest> nest = buildNest(op);
  if (!nest || nest->statements[0].usesIndex ||
      nest->statements[0].readsMemory || !nest->statements[0].readsOut(0))
    return std::nullopt;
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  int64_t operands = 0;
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    std::optional<int> position = positionOf(map, loops.front());
    if (!position || *position < 0)
      return std::nullopt;
    if (usesOf(op, *input) < kFewestUses)
      return std::nullopt;
    operands += bytesOf(input->get().getType());
  }
  if (operands <= 2 * cache)
    return std::nullopt;
  return loops.front();
}

void emitBlock(OpBuilder &b, linalg::GenericOp op, unsigned loop,
               OpFoldResult first, int64_t size) {
  SmallVector<Value> operands(op->getOperands());
  for (OpOperand *input : op.getDpsInputOperands())
    operands[input->getOperandNumber()] = sliceOf(
        b, input->get(), *positionOf(op.getMatchingIndexingMap(input), loop),
        first, size);
  b.clone(*op)->setOperands(operands);
}

void block(linalg::GenericOp op, unsigned loop, int64_t cache) {
  int64_t extent = op.getStaticLoopRanges()[loop], operands = 0, terms = 1;
  for (Value input : op.getDpsInputs())
    operands += bytesOf(input.getType());
  for (auto [l, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    if (kind == utils::IteratorType::reduction && l != loop)
      terms *= op.getStaticLoopRanges()[l];
  int64_t size = std::max<int64_t>(extent * cache / operands,
                                   llvm::divideCeil(kFewestTerms, terms));
  if (size * 2 > extent)
    return;

  OpBuilder b(op);
  emitBlocks(b, op.getLoc(), extent, size,
             [&](OpFoldResult first, int64_t count) {
               emitBlock(b, op, loop, first, count);
             });
  op.erase();
}

struct BlockReductions : impl::BlockReductionsBase<BlockReductions> {
  using Base::Base;

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    int64_t cache = target.l2Bytes / 2;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      SmallVector<linalg::GenericOp> ops(
          func.getBody().front().getOps<linalg::GenericOp>());
      for (linalg::GenericOp op : ops)
        if (std::optional<unsigned> loop = findLoop(op, cache))
          block(op, *loop, cache);
    }
  }
};

} // namespace
} // namespace mlir::pock
