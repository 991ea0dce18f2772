//===- BlockRun.cpp - Operations that run block by block ------------------===//

#include "BlockRun.h"

#include "../Shared/Nest.h"
#include "../Shared/Slices.h"
#include "Pock/IR/Pock.h"
#include "ViewDimensions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <algorithm>

using namespace mlir;
using namespace mlir::pock;

static bool touches(linalg::GenericOp op, const BlockRun &run) {
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return isa<MemRefType>(operand.getType()) &&
           run.batchOf.contains(findRoot(operand));
  });
}

/// Whether no operation but `op` accesses `buffer`, also through views.
static bool isOnlyUsedBy(Value buffer, Operation *op) {
  return llvm::all_of(buffer.getUsers(), [&](Operation *user) {
    if (isa<memref::SubViewOp, memref::ExpandShapeOp, memref::CollapseShapeOp>(
            user))
      return isOnlyUsedBy(user->getResult(0), op);
    return user == op;
  });
}

/// Adds `op`, which accesses a buffer of the run, with its loop over the batch.
static bool addToRun(BlockRun &run, linalg::GenericOp op) {
  if (run.loopOf.contains(op))
    return true;
  std::optional<Nest> nest = buildNest(op);
  if (!nest || nest->statements[0].readsMemory)
    return false;

  // Determine the loop from the known buffers.
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
  // Images are numbered from zero in each block.
  if (!run.numbers && llvm::any_of(op.getBody()->getOps<linalg::IndexOp>(),
                                   [&](linalg::IndexOp index) {
                                     return index.getDim() == *loop;
                                   }))
    return false;

  // All operands must be images along that loop, or the same for all images.
  auto batchOf = run.batchOf;
  SmallVector<Value> parts;
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
    if (type.getDimSize(*position) != run.extent)
      return false;
    if (!dim && run.numbers && isa<BlockArgument>(root) &&
        !batchOf.contains(root) && isOnlyUsedBy(root, op)) {
      parts.push_back(operand.get());
      continue;
    }
    if (!dim)
      return false;
    auto [it, inserted] = batchOf.insert({root, *dim});
    if (it->second != *dim)
      return false;
  }

  // A sum over the batch becomes a sum of sums: each image must have a sum of
  // its own, and the order must not matter.
  if (op.getIteratorTypesArray()[*loop] == utils::IteratorType::reduction &&
      (llvm::is_contained(nest->statements[0].combiners, nullptr) ||
       op.getNumReductionLoops() == 1))
    return false;
  // Parts of one argument must be the same one.
  for (Value part : parts)
    for (Value other : parts)
      if (part != other && findRoot(part) == findRoot(other))
        return false;
  run.batchOf = std::move(batchOf);
  run.loopOf[op] = *loop;
  return true;
}

/// Whether `a` writes a buffer that `b` accesses, or vice versa.
static bool conflicts(linalg::GenericOp a, linalg::GenericOp b) {
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

/// The positions of the first and the last operation of a run in its block.
struct Positions {
  size_t first, last;
};

/// Extends `run` to all operations in `range` that access an image, and `range`
/// to neighbours that access one. False if an operation cannot run image by
/// image.
static bool extend(BlockRun &run, Positions &range,
                   ArrayRef<linalg::GenericOp> ops, bool skips) {
  auto &[first, last] = range;
  // Repeat, because each operation may add buffers.
  for (size_t count = 0; count != run.batchOf.size();) {
    count = run.batchOf.size();
    for (size_t i = first; i <= last; ++i)
      if (touches(ops[i], run) && !addToRun(run, ops[i]))
        return false;
    auto findNext = [&, end = ops.size()] {
      size_t next = range.last + 1;
      while (skips && next < end && !touches(ops[next], run))
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
  return true;
}

/// Sorts the operations of `run` by program order. Other operations in `range`
/// will run before the loop. False if one of them would overtake a conflicting
/// operation of the run.
static bool sortMembers(BlockRun &run, Positions range,
                        ArrayRef<linalg::GenericOp> ops) {
  llvm::MapVector<Operation *, unsigned> sorted;
  SmallVector<linalg::GenericOp> members;
  for (linalg::GenericOp op :
       ops.slice(range.first, range.last + 1 - range.first)) {
    if (run.loopOf.contains(op)) {
      sorted[op] = run.loopOf[op];
      members.push_back(op);
      continue;
    }
    for (linalg::GenericOp member : members)
      if (conflicts(member, op))
        return false;
  }
  run.loopOf = std::move(sorted);
  return true;
}

/// Whether every written buffer without images, which is the same for all of
/// them, is accessed by only one operation of `run`.
static bool wholesAreOfOne(const BlockRun &run) {
  for (auto [written, loop] : run.loopOf) {
    auto op = cast<linalg::GenericOp>(written);
    for (Value out : op.getDpsInits()) {
      if (run.batchOf.contains(findRoot(out)))
        continue;
      for (auto [other, otherLoop] : run.loopOf)
        if (other != written &&
            llvm::any_of(other->getOperands(), [&](Value operand) {
              return isa<MemRefType>(operand.getType()) &&
                     findRoot(operand) == findRoot(out);
            }))
          return false;
    }
  }
  return true;
}

/// Whether only structured operations access memory from `begin` to `end`.
static bool isStructured(Operation *begin, Operation *end) {
  for (Operation *op = begin; op != end; op = op->getNextNode())
    if (!isa<linalg::GenericOp, memref::AllocOp>(op) && !isMemoryEffectFree(op))
      return false;
  return true;
}

std::optional<BlockRun> pock::findRun(Value buffer, unsigned dim, int64_t chunk,
                                      Block &block, bool skips, bool numbers) {
  SmallVector<linalg::GenericOp> ops(block.getOps<linalg::GenericOp>());
  BlockRun run;
  run.extent = cast<MemRefType>(buffer.getType()).getDimSize(dim);
  run.chunk = chunk;
  run.numbers = numbers;
  run.batchOf[buffer] = dim;
  Positions range{ops.size(), 0};
  for (auto [i, op] : llvm::enumerate(ops))
    if (touches(op, run)) {
      range.first = std::min(range.first, i);
      range.last = i;
    }
  if (range.first >= range.last || !extend(run, range, ops, skips) ||
      !sortMembers(run, range, ops) || !wholesAreOfOne(run) ||
      !isStructured(ops[range.first], ops[range.last]))
    return std::nullopt;
  return run;
}

/// Whether only operations of the run use `buffer`.
static bool isPrivateTo(const BlockRun &run, Value buffer) {
  return llvm::all_of(buffer.getUsers(), [&](Operation *user) {
    if (isa<memref::SubViewOp, memref::ExpandShapeOp, memref::CollapseShapeOp,
            GroupViewOp, PaddedViewOp>(user))
      return isPrivateTo(run, user->getResult(0));
    return run.loopOf.contains(user);
  });
}

/// Operand `number` of `op`, which is no buffer of images: the part of an
/// argument, of which `size` entries from `first` on are the images, or the
/// same for all images.
static Value slicePart(OpBuilder &b, Operation *op, unsigned loop,
                       unsigned number, OpFoldResult first, int64_t size) {
  auto generic = cast<linalg::GenericOp>(op);
  OpOperand &operand = op->getOpOperand(number);
  int position = *positionOf(generic.getMatchingIndexingMap(&operand), loop);
  return position < 0 ? operand.get()
                      : sliceOf(b, operand.get(), position, first, size);
}

/// The operations of `run` for `size` images from `first` on.
static void emitImages(OpBuilder &b, const BlockRun &run,
                       const DenseMap<Value, Value> &shrunk, OpFoldResult first,
                       int64_t size) {
  for (auto [op, batchLoop] : run.loopOf) {
    SmallVector<Value> operands;
    for (Value value : op->getOperands()) {
      Value root = findRoot(value);
      auto it = run.batchOf.find(root);
      if (!isa<MemRefType>(value.getType()))
        operands.push_back(value);
      else if (it == run.batchOf.end())
        operands.push_back(
            slicePart(b, op, batchLoop, operands.size(), first, size));
      else if (unsigned dim = *dimensionIn(value, root, it->second);
               Value buffer = shrunk.lookup(root))
        operands.push_back(rebase(b, value, root, buffer, dim, size));
      else
        operands.push_back(sliceOf(b, value, dim, first, size));
    }
    Operation *fresh = b.clone(*op);
    fresh->setOperands(operands);
    shiftIndices(cast<linalg::GenericOp>(fresh), batchLoop, first);
  }
}

void pock::rewrite(BlockRun &run) {
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
