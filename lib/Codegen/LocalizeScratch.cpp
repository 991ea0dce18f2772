//===- LocalizeScratch.cpp - One image's worth of scratch -----------------===//
//
// A temporary that is indexed by the batch needs not exist for the whole batch
// at once. Where all operations around it can run image by image, they move
// into an `scf.for` over the batch, and the temporary shrinks to one image:
// the padded copy of a convolution's input, for instance.
//
// Needs bufferized kernels in which nothing is placed yet. Guarantees the same
// results (sums over the batch may be reassociated). Does not handle
// `pock.inplace` kernels, bodies with `linalg.index`, or temporaries whose
// batch is not dimension 0.
//
//===----------------------------------------------------------------------===//

#include "Nest.h"
#include "NestFusion.h"
#include "Pock/Codegen/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

#define DEBUG_TYPE "pock-localize-scratch"

namespace mlir::pock {
#define GEN_PASS_DEF_LOCALIZESCRATCH
#include "Pock/Codegen/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The operations that will run image by image.
struct Run {
  int64_t extent = 0;
  /// The dimension of each buffer that is the batch.
  llvm::MapVector<Value, unsigned> batchOf;
  /// Each operation with its loop over the batch.
  llvm::MapVector<Operation *, unsigned> loopOf;
};

/// Whether `operand` is `root` itself or a subview of the same rank that keeps
/// all of dimension `dim`.
bool keepsDimension(Value operand, Value root, unsigned dim) {
  while (operand != root) {
    auto view = operand.getDefiningOp<memref::SubViewOp>();
    if (!view || view.getSourceType().getRank() != view.getType().getRank() ||
        view.getType().getDimSize(dim) !=
            view.getSourceType().getDimSize(dim) ||
        !view.getDroppedDims().none() || view.getStaticOffset(dim) != 0)
      return false;
    operand = view.getSource();
  }
  return true;
}

/// Position at which the map is plain `d_loop`; -1 if `loop` does not occur;
/// nothing if it occurs in any other way.
std::optional<int> positionOf(AffineMap map, unsigned loop) {
  int position = -1;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(loop))
      continue;
    if (position >= 0 || !isa<AffineDimExpr>(expr))
      return std::nullopt;
    position = i;
  }
  return position;
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
    if (it->second >= map.getNumResults())
      return false;
    auto dim = dyn_cast<AffineDimExpr>(map.getResult(it->second));
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
    auto [it, inserted] = batchOf.insert({root, unsigned(*position)});
    if (it->second != unsigned(*position) ||
        type.getDimSize(*position) != run.extent ||
        !keepsDimension(operand.get(), root, *position))
      return false;
  }

  // A sum over the batch becomes a sum of sums.
  if (op.getIteratorTypesArray()[*loop] == utils::IteratorType::reduction &&
      llvm::is_contained(nest->statements[0].combiners, nullptr))
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

/// The run of operations around the temporary `alloc`, in program order.
std::optional<Run> findRun(memref::AllocOp alloc, Block &block) {
  SmallVector<linalg::GenericOp> ops(block.getOps<linalg::GenericOp>());
  Run run;
  run.extent = alloc.getType().getDimSize(0);
  run.batchOf[alloc] = 0;
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
    while (last + 1 < ops.size() && touches(ops[last + 1], run) &&
           addToRun(run, ops[last + 1]))
      ++last;
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
    if (isa<memref::SubViewOp>(user))
      return isPrivateTo(run, user->getResult(0));
    return run.loopOf.contains(user);
  });
}

/// Image `image` of `operand` (a constant 0 for a shrunk buffer).
Value imageOf(OpBuilder &b, Value operand, unsigned dim, OpFoldResult image) {
  auto type = cast<MemRefType>(operand.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)), sizes,
      strides(type.getRank(), b.getIndexAttr(1));
  for (int64_t size : type.getShape())
    sizes.push_back(b.getIndexAttr(size));
  offsets[dim] = image;
  sizes[dim] = b.getIndexAttr(1);
  return memref::SubViewOp::create(b, operand.getLoc(), operand, offsets, sizes,
                                   strides);
}

/// `operand`, a chain of subviews of `root`, as the same chain of `shrunk`,
/// whose dimension `dim` has size 1.
Value rebase(OpBuilder &b, Value operand, Value root, Value shrunk,
             unsigned dim) {
  if (operand == root)
    return shrunk;
  auto view = operand.getDefiningOp<memref::SubViewOp>();
  Value source = rebase(b, view.getSource(), root, shrunk, dim);
  SmallVector<OpFoldResult> sizes = view.getMixedSizes();
  sizes[dim] = b.getIndexAttr(1);
  return memref::SubViewOp::create(b, view.getLoc(), source,
                                   view.getMixedOffsets(), sizes,
                                   view.getMixedStrides());
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
    shape[dim] = 1;
    b.setInsertionPoint(alloc);
    shrunk[buffer] = memref::AllocOp::create(
        b, alloc.getLoc(),
        MemRefType::get(shape, alloc.getType().getElementType()));
  }

  b.setInsertionPointAfter(last);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value extent = arith::ConstantIndexOp::create(b, loc, run.extent);
  auto loop = scf::ForOp::create(b, loc, zero, extent, one);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  for (auto [op, batchLoop] : run.loopOf) {
    auto generic = cast<linalg::GenericOp>(op);
    IRMapping map;
    SmallVector<Value> operands;
    for (OpOperand &operand : generic->getOpOperands()) {
      Value value = operand.get(), root = findRoot(value);
      auto it = run.batchOf.find(root);
      if (!isa<MemRefType>(value.getType()) || it == run.batchOf.end())
        operands.push_back(value);
      else if (Value buffer = shrunk.lookup(root))
        operands.push_back(rebase(b, value, root, buffer, it->second));
      else
        operands.push_back(
            imageOf(b, value, it->second, loop.getInductionVar()));
    }
    Operation *clone = b.clone(*op);
    clone->setOperands(operands);
  }
  for (auto [op, batchLoop] : llvm::reverse(run.loopOf))
    op->erase();
}

struct LocalizeScratch : impl::LocalizeScratchBase<LocalizeScratch> {
  using Base::Base;

  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (!func->hasAttr("pock.kernel") || func->hasAttr("pock.inplace") ||
          func.isExternal())
        continue;
      generalizeAll(func);
      DenseSet<Operation *> registers =
          findRegisterTemporaries(formNests(func));
      Block &block = func.getBody().front();
      // A rewrite may shrink further temporaries, which are then dead.
      SmallVector<memref::AllocOp> allocs(block.getOps<memref::AllocOp>());
      for (memref::AllocOp alloc : allocs) {
        MemRefType type = alloc.getType();
        if (registers.contains(alloc) || !type.hasStaticShape() ||
            type.getRank() < 2 || type.getDimSize(0) < 2 ||
            type.getNumElements() * 4 < minBytes)
          continue;
        if (std::optional<Run> run = findRun(alloc, block))
          rewrite(*run);
      }
      eraseDeadOps(func);
    }
  }
};

} // namespace
} // namespace mlir::pock
