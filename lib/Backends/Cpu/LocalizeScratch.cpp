//===- LocalizeScratch.cpp - Scratch that fits into a cache ---------------===//
//
// A temporary that is indexed by the batch need not exist for the whole batch
// at once. If all operations around it can run image by image, they move into
// an `scf.for` over the batch, and the temporary shrinks to one image, for
// example the padded copy of a convolution's input. In the same way, the packed
// copy of a large operand of a product shrinks to a panel of columns that fits
// into the cache.
//
// In kernels with the attribute `pock.channel_blocks`, the temporary between a
// convolution and a depthwise one shrinks to a block of channels.
//
// Several nests that read the rows of a buffer larger than the cache (a
// softmax) run on blocks of rows.
//
// This file chooses the temporaries and their new sizes; BlockRun.h finds the
// operations and builds the loop. Needs bufferized kernels whose buffers are
// not placed yet. Guarantees the same results, but sums over the batch may be
// reassociated. Does not handle bodies with `linalg.index`; dimension 0 is the
// batch.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "../Shared/NestFusion.h"
#include "../Shared/Slices.h"
#include "BlockRun.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <algorithm>

namespace mlir::pock {
#define GEN_PASS_DEF_LOCALIZESCRATCH
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Whether `op` copies its operands, possibly scaled, rounded or in groups: it
/// computes each entry once, only from entries of its operands.
bool isCopy(linalg::GenericOp op) {
  return op.getNumReductionLoops() == 0 && !op.getDpsInputs().empty() &&
         llvm::none_of(op.getDpsInitsMutable(), [&](OpOperand &init) {
           return op.payloadUsesValueFromOperand(&init);
         });
}

/// Adds the uses of `buffer`, also through views of the whole buffer.
void collectUses(Value buffer, SmallVectorImpl<OpOperand *> &uses) {
  for (OpOperand &use : buffer.getUses())
    if (isa<memref::ExpandShapeOp, memref::CollapseShapeOp, GroupViewOp>(
            use.getOwner()))
      collectUses(use.getOwner()->getResult(0), uses);
    else
      uses.push_back(&use);
}

/// The sum of products that alone reads `alloc`, if that contains a copy,
/// possibly transposed.
linalg::GenericOp findReader(memref::AllocOp alloc) {
  bool written = false;
  linalg::GenericOp reader;
  SmallVector<OpOperand *> uses;
  collectUses(alloc, uses);
  for (OpOperand *use : uses) {
    auto op = dyn_cast<linalg::GenericOp>(use->getOwner());
    if (!op)
      return nullptr;
    bool copies = op.isDpsInit(use) && isCopy(op);
    bool sums = op.getNumReductionLoops() > 0 && op.isDpsInput(use);
    if ((!copies && !sums) || (copies && written) || (sums && reader))
      return nullptr;
    written |= copies;
    if (sums)
      reader = op;
  }
  return written ? reader : nullptr;
}

bool isPackedOperand(memref::AllocOp alloc) {
  return static_cast<bool>(findReader(alloc));
}

/// Whether the last dimension of the operand `alloc` of `reader`, possibly in
/// groups, is that of the terms.
bool endsInTerms(memref::AllocOp alloc, linalg::GenericOp reader) {
  for (OpOperand *operand : reader.getDpsInputOperands()) {
    auto view = operand->get().getDefiningOp<GroupViewOp>();
    if (operand->get() != alloc && (!view || view.getSource() != alloc))
      continue;
    auto last = dyn_cast<AffineDimExpr>(
        reader.getMatchingIndexingMap(operand).getResults().back());
    return last && reader.getIteratorTypesArray()[last.getPosition()] ==
                       utils::IteratorType::reduction;
  }
  return false;
}

/// The dimension of a temporary that shrinks, and its new size.
struct Choice {
  unsigned dim;
  int64_t chunk;
};

/// Chooses panels of columns, or blocks of rows, for a packed operand that is
/// larger than `budget`, and single images for any other temporary. Nothing if
/// that would not pay.
std::optional<Choice> choose(memref::AllocOp alloc, int64_t minBytes,
                             int64_t budget, int64_t columns) {
  MemRefType type = alloc.getType();
  int64_t rank = type.getRank();
  if (!type.hasStaticShape() || rank < 2 || type.getNumElements() == 0)
    return std::nullopt;
  int64_t bytes = bytesOf(type);
  if (linalg::GenericOp reader = findReader(alloc)) {
    if (endsInTerms(alloc, reader)) {
      int64_t extent = type.getDimSize(0);
      int64_t rows = std::max<int64_t>(budget / 2 / (bytes / extent), 1);
      if (bytes <= budget || rows >= extent)
        return std::nullopt;
      return Choice{0, rows};
    }
    int64_t extent = type.getDimSize(rank - 1);
    // Narrow panels are as fast as wide ones, and need less memory.
    int64_t panels = budget / 2 / (bytes / extent * columns);
    int64_t chunk = std::max<int64_t>(panels, 1) * columns;
    if (bytes <= budget || chunk >= extent)
      return std::nullopt;
    return Choice{static_cast<unsigned>(rank - 1), chunk};
  }
  if (type.getDimSize(0) < 2 || bytes < minBytes)
    return std::nullopt;
  return Choice{0, 1};
}

/// The run of operations that read rows of `buffer` in several nests, in blocks
/// of rows that fit into the cache; nothing if they also read much other data.
std::optional<BlockRun> findRows(Value buffer, ArrayRef<Nest> nests,
                                 Block &block,
                                 const TargetDescription &target) {
  std::optional<BlockRun> run = findRun(buffer, 0, 1, block, /*skips=*/true);
  if (!run)
    return std::nullopt;
  int64_t bytesPerRow = 0;
  for (auto [rows, dim] : run->batchOf)
    bytesPerRow += bytesOf(rows.getType()) / run->extent;
  run->chunk = target.l2Bytes / 2 / std::max<int64_t>(bytesPerRow, 1);
  if (run->chunk < 1 || run->chunk * 2 > run->extent)
    return std::nullopt;
  // Blocks without a remainder need only half of the code.
  for (int64_t chunk = run->chunk; chunk > run->chunk / 2; --chunk)
    if (run->extent % chunk == 0) {
      run->chunk = chunk;
      break;
    }
  llvm::SmallPtrSet<const Nest *, 4> found;
  for (const Nest &nest : nests)
    for (const Statement &statement : nest.statements) {
      if (!run->loopOf.contains(statement.op))
        continue;
      found.insert(&nest);
      for (const Access &access :
           llvm::concat<const Access>(statement.ins, statement.outs))
        if (access.root && !run->batchOf.contains(access.root) &&
            bytesOf(access.root.getType()) > target.l1Bytes / 2)
          return std::nullopt;
    }
  return found.size() > 1 ? run : std::nullopt;
}

/// Makes the chunks of `run` so small that all its temporaries fit into
/// `budget`: also the padded copies, and the parts of a result.
void shrinkChunk(BlockRun &run, int64_t budget) {
  int64_t bytes = 0;
  for (auto [buffer, dim] : run.batchOf)
    if (buffer.getDefiningOp<memref::AllocOp>())
      bytes += bytesOf(buffer.getType()) / run.extent;
  int64_t most = std::max<int64_t>(budget / std::max<int64_t>(bytes, 1), 1);
  if (run.chunk <= most)
    return;
  run.chunk = most;
  // Chunks without a remainder need only half of the code.
  for (int64_t chunk = most; chunk * 2 > most; --chunk)
    if (run.extent % chunk == 0) {
      run.chunk = chunk;
      break;
    }
}

struct LocalizeScratch : impl::LocalizeScratchBase<LocalizeScratch> {
  using Base::Base;

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    for (func::FuncOp func : kernelsOf(getOperation()))
      localize(func, target);
  }

private:
  /// Shrinks the temporary between a convolution and a depthwise one to a block
  /// of channels.
  static bool localizeChannels(memref::AllocOp alloc, Block &block,
                               const TargetDescription &target) {
    constexpr int64_t fewest = 8;
    MemRefType type = alloc.getType();
    if (!type.hasStaticShape() || type.getRank() < 2 || isPackedOperand(alloc))
      return false;
    unsigned channels = type.getRank() - 1;
    int64_t chunk = std::max(target.lanes(type.getElementType()), fewest);
    if (chunk >= type.getDimSize(channels))
      return false;
    auto run = findRun(alloc, channels, chunk, block);
    if (!run)
      return false;
    rewrite(*run);
    return true;
  }

  static void blockRows(func::FuncOp func, const TargetDescription &target) {
    Block &block = func.getBody().front();
    for (Value buffer : block.getArguments()) {
      auto type = dyn_cast<MemRefType>(buffer.getType());
      if (!type || !type.hasStaticShape() || type.getRank() < 2 ||
          !type.getElementType().isIntOrFloat() ||
          bytesOf(type) <= target.l2Bytes)
        continue;
      SmallVector<Nest, 0> nests = formNests(func);
      if (auto run = findRows(buffer, nests, block, target))
        rewrite(*run);
    }
  }

  void localize(func::FuncOp func, const TargetDescription &target) {
    generalizeAll(func);
    DenseSet<Operation *> registers = findRegisterTemporaries(formNests(func));
    Block &block = func.getBody().front();
    SmallVector<memref::AllocOp> allocs(block.getOps<memref::AllocOp>());
    // Handle panels first: a loop over images around them would repeat the
    // packing for each image.
    std::stable_partition(allocs.begin(), allocs.end(), isPackedOperand);
    // A rewrite may also shrink other temporaries, whose originals are dead.
    for (memref::AllocOp alloc : allocs) {
      if (registers.contains(alloc))
        continue;
      if (func->hasAttr(attribute::channelBlocks) &&
          localizeChannels(alloc, block, target))
        continue;
      // Use half of the cache, because the other operands need space, too.
      std::optional<Choice> choice =
          choose(alloc, minBytes, target.l2Bytes / 2,
                 2 * target.lanes(alloc.getType().getElementType()));
      if (!choice)
        continue;
      if (auto run = findRun(alloc, choice->dim, choice->chunk, block)) {
        if (target.prefersSize())
          shrinkChunk(*run, target.l2Bytes);
        rewrite(*run);
      }
    }
    if (target.vectorBytes)
      blockRows(func, target);
    eraseDeadOps(func);
  }
};

} // namespace
} // namespace mlir::pock
