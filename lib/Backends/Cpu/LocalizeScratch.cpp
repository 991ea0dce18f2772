//===- LocalizeScratch.cpp - As much scratch as a cache holds -------------===//
//
// A temporary that is indexed by the batch needs not exist for the whole batch
// at once. Where all operations around it can run image by image, they move
// into an `scf.for` over the batch, and the temporary shrinks to one image:
// the padded copy of a convolution's input, for instance. In the same way the
// copy of a large operand of a product, made so that its columns are
// contiguous, shrinks to a panel of columns that the cache keeps.
//
// What lies between a convolution and a depthwise one, in kernels that say so,
// shrinks to a block of channels.
//
// What several nests read that no cache holds (the rows of a softmax) they read
// block by block, too: a few rows in each iteration.
//
// Needs bufferized kernels in which nothing is placed yet. Guarantees the same
// results (sums over the batch may be reassociated). Does not handle
// `pock.inplace` kernels or bodies with `linalg.index`; images are those of
// dimension 0.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "../Shared/NestFusion.h"
#include "../Shared/Slices.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include <algorithm>

#define DEBUG_TYPE "pock-localize-scratch"

namespace mlir::pock {
#define GEN_PASS_DEF_LOCALIZESCRATCH
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The operations that will run image by image, or panel by panel: in chunks
/// of a dimension that is called the batch here.
struct Run {
  int64_t extent = 0, chunk = 1;
  /// The dimension of each buffer that is the batch.
  llvm::MapVector<Value, unsigned> batchOf;
  /// Each operation with its loop over the batch.
  llvm::MapVector<Operation *, unsigned> loopOf;
};

/// The only dimension of `group`, dimensions of `type`, with more than one
/// entry; nothing if there are several or none.
std::optional<unsigned> largeDimension(ArrayRef<int64_t> group,
                                       MemRefType type) {
  std::optional<unsigned> large;
  for (int64_t dim : group)
    if (type.getDimSize(dim) != 1) {
      if (large)
        return std::nullopt;
      large = dim;
    }
  return large;
}

/// One step from the view `operand`, of which dimension `dim` is whole, towards
/// what it is a view of; nothing if it has no such step.
std::optional<std::pair<Value, unsigned>> stepBack(Value operand,
                                                   unsigned dim) {
  if (auto groups = operand.getDefiningOp<GroupViewOp>()) {
    if (dim + 1 == groups.getType().getRank())
      return std::nullopt;
    return std::pair(groups.getSource(), dim);
  }
  if (auto padded = operand.getDefiningOp<PaddedViewOp>()) {
    if (padded.getLow()[dim] != 0 || padded.getHigh()[dim] != 0)
      return std::nullopt;
    return std::pair(padded.getSource(), dim);
  }
  if (auto view = operand.getDefiningOp<memref::ExpandShapeOp>()) {
    for (auto [source, group] : llvm::enumerate(view.getReassociationIndices()))
      if (largeDimension(group, view.getResultType()) == dim)
        return std::pair(view.getSrc(), unsigned(source));
    return std::nullopt;
  }
  if (auto view = operand.getDefiningOp<memref::CollapseShapeOp>()) {
    if (auto source = largeDimension(view.getReassociationIndices()[dim],
                                     view.getSrcType()))
      return std::pair(view.getSrc(), *source);
    return std::nullopt;
  }
  auto view = operand.getDefiningOp<memref::SubViewOp>();
  if (!view || view.getSourceType().getRank() != view.getType().getRank() ||
      view.getType().getDimSize(dim) != view.getSourceType().getDimSize(dim) ||
      !view.getDroppedDims().none() || view.getStaticOffset(dim) != 0)
    return std::nullopt;
  return std::pair(view.getSource(), dim);
}

/// The dimension of `root` that dimension `dim` of `operand`, a view of it, is;
/// nothing if the view does not keep all of it.
std::optional<unsigned> dimensionOf(Value operand, unsigned dim, Value root) {
  while (operand != root) {
    auto step = stepBack(operand, dim);
    if (!step)
      return std::nullopt;
    std::tie(operand, dim) = *step;
  }
  return dim;
}

/// The dimension of `operand` that is dimension `rootDim` of `root`.
std::optional<unsigned> dimensionIn(Value operand, Value root,
                                    unsigned rootDim) {
  for (unsigned dim = 0, e = cast<MemRefType>(operand.getType()).getRank();
       dim < e; ++dim)
    if (dimensionOf(operand, dim, root) == rootDim)
      return dim;
  return std::nullopt;
}

bool touches(linalg::GenericOp op, const Run &run) {
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return isa<MemRefType>(operand.getType()) &&
           run.batchOf.contains(findRoot(operand));
  });
}

/// Adds `op`, which touches a buffer of the run, with its loop over the batch.
bool addToRun(Run &run, linalg::GenericOp op) {
  if (run.loopOf.contains(op))
    return true;
  std::optional<Nest> nest = buildNest(op);
  if (!nest || nest->statements[0].usesIndex || nest->statements[0].readsMemory)
    return false;

  // The loop, from the buffers that are known.
  std::optional<unsigned> loop;
  for (OpOperand &operand : op->getOpOperands()) {
    auto it = run.batchOf.find(findRoot(operand.get()));
    if (!isa<MemRefType>(operand.get().getType()) || it == run.batchOf.end())
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    std::optional<unsigned> batch =
        dimensionIn(operand.get(), it->first, it->second);
    if (!batch)
      return false;
    auto dim = dyn_cast<AffineDimExpr>(map.getResult(*batch));
    if (!dim || (loop && *loop != dim.getPosition()))
      return false;
    loop = dim.getPosition();
  }
  if (!loop || op.getStaticLoopRanges()[*loop] != run.extent)
    return false;

  // All operands are images along that loop, or the same for all images.
  auto batchOf = run.batchOf;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      continue;
    Value root = findRoot(operand.get());
    std::optional<int> position =
        positionOf(op.getMatchingIndexingMap(&operand), *loop);
    if (!position || (*position < 0 && run.batchOf.contains(root)))
      return false;
    if (*position < 0)
      continue;
    std::optional<unsigned> dim = dimensionOf(operand.get(), *position, root);
    if (!dim || type.getDimSize(*position) != run.extent)
      return false;
    auto [it, inserted] = batchOf.insert({root, *dim});
    if (it->second != *dim)
      return false;
  }

  // A sum over the batch becomes a sum of sums, if an image is worth one.
  if (op.getIteratorTypesArray()[*loop] == utils::IteratorType::reduction &&
      (llvm::is_contained(nest->statements[0].combiners, nullptr) ||
       op.getNumReductionLoops() == 1))
    return false;
  run.batchOf = std::move(batchOf);
  run.loopOf[op] = *loop;
  return true;
}

/// Whether `a` writes a buffer that `b` touches, or the other way round.
bool conflicts(linalg::GenericOp a, linalg::GenericOp b) {
  auto writes = [](linalg::GenericOp x, linalg::GenericOp y) {
    for (Value out : x.getDpsInits())
      for (Value operand : y->getOperands())
        if (isa<MemRefType>(operand.getType()) &&
            findRoot(out) == findRoot(operand))
          return true;
    return false;
  };
  return writes(a, b) || writes(b, a);
}

/// The run of operations around `buffer`, in program order; with `skips` also
/// those that touch an image behind others that do not.
std::optional<Run> findRun(Value buffer, unsigned dim, int64_t chunk,
                           Block &block, bool skips = false) {
  SmallVector<linalg::GenericOp> ops(block.getOps<linalg::GenericOp>());
  Run run;
  run.extent = cast<MemRefType>(buffer.getType()).getDimSize(dim);
  run.chunk = chunk;
  run.batchOf[buffer] = dim;
  size_t first = ops.size(), last = 0;
  for (auto [i, op] : llvm::enumerate(ops))
    if (touches(op, run)) {
      first = std::min(first, i);
      last = i;
    }
  if (first >= last)
    return std::nullopt;
  // Everything between that touches an image; repeated, because each operation
  // may make more buffers known.
  for (size_t count = 0; count != run.batchOf.size();) {
    count = run.batchOf.size();
    for (size_t i = first; i <= last; ++i)
      if (touches(ops[i], run) && !addToRun(run, ops[i]))
        return std::nullopt;
    // Neighbours that touch an image go along, for the sake of fusion.
    auto findNext = [&] {
      size_t next = last + 1;
      while (skips && next < ops.size() && !touches(ops[next], run))
        ++next;
      return next;
    };
    for (size_t next = findNext();
         next < ops.size() && touches(ops[next], run) &&
         addToRun(run, ops[next]);
         next = findNext())
      last = next;
    while (first > 0 && touches(ops[first - 1], run) &&
           addToRun(run, ops[first - 1]))
      --first;
  }

  Run sorted = run;
  sorted.loopOf.clear();
  SmallVector<linalg::GenericOp> members;
  for (size_t i = first; i <= last; ++i) {
    if (run.loopOf.contains(ops[i])) {
      sorted.loopOf[ops[i]] = run.loopOf[ops[i]];
      members.push_back(ops[i]);
      continue;
    }
    // Stays before the loop, that is, overtakes the operations before it.
    for (linalg::GenericOp member : members)
      if (conflicts(member, ops[i]))
        return std::nullopt;
  }
  // What is written and not split into images may belong to one operation only.
  for (linalg::GenericOp op : members)
    for (Value out : op.getDpsInits())
      if (!run.batchOf.contains(findRoot(out)))
        for (linalg::GenericOp other : members)
          if (other != op && conflicts(op, other) &&
              llvm::any_of(other->getOperands(), [&](Value operand) {
                return findRoot(operand) == findRoot(out);
              }))
            return std::nullopt;
  // Nothing else in between may touch memory.
  Operation *begin = ops[first], *end = ops[last];
  for (Operation *op = begin; op != end; op = op->getNextNode())
    if (!isa<linalg::GenericOp, memref::AllocOp>(op) && !isMemoryEffectFree(op))
      return std::nullopt;
  return sorted;
}

/// Whether only operations of the run use `buffer`.
bool isPrivateTo(const Run &run, Value buffer) {
  return llvm::all_of(buffer.getUsers(), [&](Operation *user) {
    if (isa<memref::SubViewOp, memref::ExpandShapeOp, memref::CollapseShapeOp,
            GroupViewOp, PaddedViewOp>(user))
      return isPrivateTo(run, user->getResult(0));
    return run.loopOf.contains(user);
  });
}

/// `operand`, a chain of views of `root` of which dimension `dim` is the batch,
/// as the same chain of `size` images of `shrunk`.
Value rebase(OpBuilder &b, Value operand, Value root, Value shrunk,
             unsigned dim, int64_t size) {
  if (operand == root) {
    int64_t all = cast<MemRefType>(shrunk.getType()).getDimSize(dim);
    return all == size ? shrunk
                       : sliceOf(b, shrunk, dim, b.getIndexAttr(0), size);
  }
  auto [view, viewDim] = *stepBack(operand, dim);
  Location loc = operand.getLoc();
  // (Groups are of whole buffers.)
  if (auto groups = operand.getDefiningOp<GroupViewOp>()) {
    int64_t all = cast<MemRefType>(shrunk.getType()).getDimSize(viewDim);
    Value source = rebase(b, view, root, shrunk, viewDim, all);
    MemRefType type =
        GroupViewOp::getGroupType(cast<MemRefType>(source.getType()),
                                  groups.getType().getElementTypeBitWidth());
    Value whole = GroupViewOp::create(b, loc, type, source);
    return all == size ? whole
                       : sliceOf(b, whole, dim, b.getIndexAttr(0), size);
  }
  Value source = rebase(b, view, root, shrunk, viewDim, size);
  if (auto padded = operand.getDefiningOp<PaddedViewOp>())
    return PaddedViewOp::create(b, loc, source, padded.getLow(),
                                padded.getHigh());
  if (auto expand = operand.getDefiningOp<memref::ExpandShapeOp>()) {
    SmallVector<int64_t> shape(expand.getResultType().getShape());
    shape[dim] = size;
    return memref::ExpandShapeOp::create(b, loc, shape, source,
                                         expand.getReassociationIndices());
  }
  if (auto collapse = operand.getDefiningOp<memref::CollapseShapeOp>())
    return memref::CollapseShapeOp::create(b, loc, source,
                                           collapse.getReassociationIndices());
  auto subview = operand.getDefiningOp<memref::SubViewOp>();
  SmallVector<OpFoldResult> sizes = subview.getMixedSizes();
  sizes[dim] = b.getIndexAttr(size);
  return memref::SubViewOp::create(b, loc, source, subview.getMixedOffsets(),
                                   sizes, subview.getMixedStrides());
}

/// The operations of `run` for `size` images from `first` on.
void emitImages(OpBuilder &b, const Run &run,
                const DenseMap<Value, Value> &shrunk, OpFoldResult first,
                int64_t size) {
  for (auto [op, batchLoop] : run.loopOf) {
    SmallVector<Value> operands;
    for (Value value : op->getOperands()) {
      Value root = findRoot(value);
      auto it = run.batchOf.find(root);
      if (!isa<MemRefType>(value.getType()) || it == run.batchOf.end())
        operands.push_back(value);
      else if (unsigned dim = *dimensionIn(value, root, it->second);
               Value buffer = shrunk.lookup(root))
        operands.push_back(rebase(b, value, root, buffer, dim, size));
      else
        operands.push_back(sliceOf(b, value, dim, first, size));
    }
    b.clone(*op)->setOperands(operands);
  }
}

void rewrite(Run &run) {
  Operation *last = run.loopOf.back().first;
  Location loc = last->getLoc();
  OpBuilder b(last->getContext());

  DenseMap<Value, Value> shrunk;
  for (auto [buffer, dim] : run.batchOf) {
    auto alloc = buffer.getDefiningOp<memref::AllocOp>();
    if (!alloc || !isPrivateTo(run, buffer))
      continue;
    SmallVector<int64_t> shape(alloc.getType().getShape());
    shape[dim] = run.chunk;
    b.setInsertionPoint(alloc);
    shrunk[buffer] = memref::AllocOp::create(
        b, alloc.getLoc(),
        MemRefType::get(shape, alloc.getType().getElementType()));
  }

  b.setInsertionPointAfter(last);
  emitBlocks(b, loc, run.extent, run.chunk,
             [&](OpFoldResult first, int64_t size) {
               emitImages(b, run, shrunk, first, size);
             });
  for (auto [op, batchLoop] : llvm::reverse(run.loopOf))
    op->erase();
}

/// Whether `op` moves what it reads, perhaps scaled, rounded and in pairs: in
/// any case it computes each entry on its own, and once.
bool isCopy(linalg::GenericOp op) {
  return op.getNumReductionLoops() == 0 && !op.getDpsInputs().empty() &&
         llvm::none_of(op.getDpsInitsMutable(), [&](OpOperand &init) {
           return op.payloadUsesValueFromOperand(&init);
         });
}

/// Adds what uses `buffer`, also through views of all of it.
void collectUses(Value buffer, SmallVectorImpl<OpOperand *> &uses) {
  for (OpOperand &use : buffer.getUses())
    if (isa<memref::ExpandShapeOp, memref::CollapseShapeOp>(use.getOwner()))
      collectUses(use.getOwner()->getResult(0), uses);
    else
      uses.push_back(&use);
}

/// Whether `alloc` holds a copy, perhaps transposed, that one sum of products
/// reads.
bool isPackedOperand(memref::AllocOp alloc) {
  bool written = false, read = false;
  SmallVector<OpOperand *> uses;
  collectUses(alloc, uses);
  for (OpOperand *use : uses) {
    auto op = dyn_cast<linalg::GenericOp>(use->getOwner());
    if (!op)
      return false;
    bool copies = op.isDpsInit(use) && isCopy(op);
    bool sums = op.getNumReductionLoops() > 0 && op.isDpsInput(use);
    if ((!copies && !sums) || (copies && written) || (sums && read))
      return false;
    written |= copies;
    read |= sums;
  }
  return written && read;
}

/// How much of which dimension of a temporary to keep.
struct Choice {
  unsigned dim;
  int64_t chunk;
};

/// Panels of columns of a packed operand if that is too large for `budget`;
/// single images of anything else.
std::optional<Choice> choose(memref::AllocOp alloc, int64_t minBytes,
                             int64_t budget, int64_t columns) {
  MemRefType type = alloc.getType();
  int64_t rank = type.getRank();
  if (!type.hasStaticShape() || rank < 2)
    return std::nullopt;
  int64_t bytes = bytesOf(type);
  if (isPackedOperand(alloc)) {
    int64_t extent = type.getDimSize(rank - 1);
    // Where there are panels at all, narrow ones do as well and take less.
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
/// of rows that the cache holds; nothing if they read much else besides rows.
std::optional<Run> findRows(Value buffer, ArrayRef<Nest> nests, Block &block,
                            const TargetDescription &target) {
  std::optional<Run> run = findRun(buffer, 0, 1, block, /*skips=*/true);
  if (!run)
    return std::nullopt;
  int64_t bytesPerRow = 0;
  for (auto [rows, dim] : run->batchOf)
    bytesPerRow += bytesOf(rows.getType()) / run->extent;
  run->chunk = target.l2Bytes / 2 / std::max<int64_t>(bytesPerRow, 1);
  if (run->chunk < 1 || run->chunk * 2 > run->extent)
    return std::nullopt;
  // Blocks that leave no rest are half the code.
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

struct LocalizeScratch : impl::LocalizeScratchBase<LocalizeScratch> {
  using Base::Base;

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    for (func::FuncOp func : kernelsOf(getOperation()))
      if (!func->hasAttr("pock.inplace"))
        localize(func, target);
  }

private:
  /// Shrinks what a convolution makes for a depthwise one to a block of
  /// channels.
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
    // Panels first: an image loop around them would pack once per image.
    std::stable_partition(allocs.begin(), allocs.end(), isPackedOperand);
    // A rewrite may shrink further temporaries, which are then dead.
    for (memref::AllocOp alloc : allocs) {
      if (registers.contains(alloc))
        continue;
      if (func->hasAttr("pock.channel_blocks") &&
          localizeChannels(alloc, block, target))
        continue;
      // Half of the cache: what the panel meets wants room, too.
      std::optional<Choice> choice =
          choose(alloc, minBytes, target.l2Bytes / 2,
                 2 * target.lanes(alloc.getType().getElementType()));
      if (!choice)
        continue;
      if (auto run = findRun(alloc, choice->dim, choice->chunk, block))
        rewrite(*run);
    }
    if (target.vectorBytes)
      blockRows(func, target);
    eraseDeadOps(func);
  }
};

} // namespace
} // namespace mlir::pock
