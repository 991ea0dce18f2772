//===- BlockReductions.cpp - Long sums in blocks that a cache holds -------===//
//
// The gradient of a weight sums over all rows of the batch. Tile by tile of the
// small result, the rows would travel through the cache once per tile. Here the
// sum runs over blocks of rows outside: a block stays in the cache for all
// tiles, and what is read and written once more per block is the result.
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

/// Tiles read an entry so often at least, or nothing is gained.
constexpr int64_t kFewestUses = 32;
/// A block amortises reading and writing its result over so many terms.
constexpr int64_t kFewestTerms = 64;

/// The outermost reduction loop of a sum of products whose operands are too
/// large for `cache` but whose result is not.
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
