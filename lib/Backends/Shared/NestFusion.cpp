//===- NestFusion.cpp - Which operations of a kernel share a loop nest ----===//
//
// Greedy over the block: an operation joins the preceding nest if it has the
// same parallel iteration space, and if it may run right after the others at
// each point: it must access the memory that it shares with them at the same
// element.
//
// `pock-place-scratch` and `pock-vectorize-kernels` both form nests, and must
// get the same result: the former finds the temporaries that need memory.
//
//===----------------------------------------------------------------------===//

#include "NestFusion.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/PockUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// The bytes of a memref.view, if known.
std::optional<std::pair<int64_t, int64_t>> byteRange(memref::ViewOp view) {
  std::optional<int64_t> start = getConstantIntValue(view.getByteShift());
  if (!start)
    return std::nullopt;
  return std::make_pair(*start, *start + bytesOf(view.getType()));
}

/// Whether two roots may share memory.
bool mayAlias(Value a, Value b) {
  if (a == b)
    return true;
  auto viewA = a.getDefiningOp<memref::ViewOp>();
  auto viewB = b.getDefiningOp<memref::ViewOp>();
  if (viewA && viewB && viewA.getSource() == viewB.getSource()) {
    auto rangeA = byteRange(viewA), rangeB = byteRange(viewB);
    return !rangeA || !rangeB ||
           (rangeA->first < rangeB->second && rangeB->first < rangeA->second);
  }
  // Arguments do not alias: a kernel that overwrites an operand has only one
  // argument for it, its out.
  return false;
}

bool mayConflict(const Access &a, const Access &b) {
  return a.root && b.root && mayAlias(a.root, b.root) && !a.samePlace(b);
}

/// Maps the parallel loops of `op` to those of `nest` by an operand that both
/// access; empty if that fails.
SmallVector<int> matchLoops(Nest &nest, Nest &op) {
  SmallVector<int> mine = op.parallelLoops(), theirs = nest.parallelLoops();
  if (mine.size() != theirs.size())
    return {};
  auto tryMatch = [&](Access &a, Access &b) -> SmallVector<int> {
    SmallVector<int> result(op.loops.size(), -1);
    llvm::SmallDenseSet<int> taken;
    for (int l : mine) {
      for (int k : theirs)
        if (!taken.contains(k) && a.strides[l] != 0 &&
            a.strides[l] == b.strides[k] &&
            op.loops[l].extent == nest.loops[k].extent) {
          result[l] = k;
          taken.insert(k);
          break;
        }
      if (result[l] < 0)
        return {};
    }
    return result;
  };
  SmallVector<int> result;
  bool share = false, done = mine.empty();
  op.forEachAccess([&](Access &a) {
    nest.forEachAccess([&](Access &b) {
      if (done || !a.root || a.root != b.root)
        return;
      share = true;
      SmallVector<int> match = tryMatch(a, b);
      if (!match.empty()) {
        result = match;
        done = true;
      }
    });
  });
  if (mine.empty())
    return SmallVector<int>(op.loops.size(), -1);
  // No common operand determines the mapping: take the loops in order if they
  // have the same extents and both share a buffer.
  if (!done && share) {
    result.assign(op.loops.size(), -1);
    for (auto [l, k] : llvm::zip(mine, theirs)) {
      if (op.loops[l].extent != nest.loops[k].extent)
        return {};
      result[l] = k;
    }
  }
  return result;
}

/// Appends the only statement of `op` to `nest` if that is legal.
bool append(Nest &nest, Nest op) {
  Statement &statement = op.statements[0];
  if (statement.op->hasAttr(attribute::apart))
    return false;
  if (statement.readsMemory || nest.statements.back().readsMemory ||
      !statement.vectorizable || !nest.statements.back().vectorizable)
    return false;
  SmallVector<int> loopOf = matchLoops(nest, op);
  if (loopOf.size() != op.loops.size() ||
      (op.loops.empty() && !nest.parallelLoops().empty()))
    return false;

  // The loops of the result: those of the nest, then the new reductions.
  SmallVector<Loop> loops = nest.loops;
  for (auto [l, loop] : llvm::enumerate(op.loops))
    if (loop.reduction) {
      loopOf[l] = loops.size();
      loops.push_back(loop);
    }
  op.forEachAccess([&](Access &access) {
    SmallVector<int64_t> strides(loops.size(), 0);
    for (auto [l, stride] : llvm::enumerate(access.strides))
      strides[loopOf[l]] = stride;
    access.strides = std::move(strides);
  });
  Nest widened = nest;
  widened.forEachAccess(
      [&](Access &access) { access.strides.resize(loops.size(), 0); });

  for (Statement &earlier : widened.statements) {
    for (Access &write : earlier.outs) {
      for (Access &access : statement.ins)
        if (mayConflict(write, access))
          return false;
      for (Access &access : statement.outs)
        if (mayConflict(write, access))
          return false;
    }
    for (Access &read : earlier.ins)
      for (Access &access : statement.outs)
        if (mayConflict(read, access))
          return false;
  }

  for (int &loop : statement.loopOf)
    if (loop >= 0)
      loop = loopOf[loop];
  for (int &loop : statement.reductions)
    loop = loopOf[loop];
  for (TapWindow window : op.windows) {
    window.points = loopOf[window.points];
    window.taps = loopOf[window.taps];
    widened.windows.push_back(window);
  }
  nest = std::move(widened);
  nest.loops = loops;
  nest.statements.push_back(statement);
  return true;
}

} // namespace

void generalizeAll(func::FuncOp func) {
  IRRewriter rewriter(func.getContext());
  func.walk([&](memref::CopyOp copy) {
    auto type = dyn_cast<MemRefType>(copy.getSource().getType());
    if (!type || !type.hasStaticShape())
      return;
    rewriter.setInsertionPoint(copy);
    linalg::CopyOp::create(rewriter, copy.getLoc(), copy.getSource(),
                           copy.getTarget());
    rewriter.eraseOp(copy);
  });
  func.walk([&](linalg::LinalgOp op) {
    if (isa<linalg::GenericOp>(op.getOperation()))
      return;
    // A result that was computed in place need not be copied.
    if (auto copy = dyn_cast<linalg::CopyOp>(op.getOperation()))
      if (copy.getInputs()[0] == copy.getOutputs()[0])
        return rewriter.eraseOp(copy);
    rewriter.setInsertionPoint(op);
    (void)linalg::generalizeNamedOp(rewriter, op);
  });
}

void sinkFill(linalg::GenericOp sum) {
  Value out = findRoot(sum.getDpsInits()[0]);
  for (Operation *op = sum->getPrevNode(); op; op = op->getPrevNode()) {
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic) {
      if (!isMemoryEffectFree(op) && !isa<memref::AllocOp>(op))
        return;
      continue;
    }
    bool touches = llvm::any_of(generic->getOperands(), [&](Value operand) {
      return isa<MemRefType>(operand.getType()) && findRoot(operand) == out;
    });
    if (!touches)
      continue;
    bool fills =
        llvm::none_of(generic->getOpOperands(), [&](OpOperand &operand) {
          return isa<MemRefType>(operand.get().getType()) &&
                 generic.payloadUsesValueFromOperand(&operand);
        });
    if (fills && generic.getNumDpsInits() == 1)
      generic->moveBefore(sum);
    return;
  }
}

static void formNestsIn(Block &block, bool fuse, SmallVectorImpl<Nest> &nests) {
  bool open = false; // Whether the last nest may still grow.
  for (Operation &op : block) {
    if (auto loop = dyn_cast<scf::ForOp>(op))
      formNestsIn(*loop.getBody(), fuse, nests);
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic) {
      if (isa<scf::ForOp>(op))
        open = false;
      // Views, constants and allocations do not end a nest.
      if (!isMemoryEffectFree(&op) &&
          !isa<memref::AllocOp, memref::AllocaOp>(op))
        open = false;
      continue;
    }
    std::optional<Nest> nest = buildNest(generic);
    if (!nest) {
      open = false;
      continue;
    }
    if (!(fuse && open && append(nests.back(), *nest)))
      nests.push_back(std::move(*nest));
    open = true;
  }
}

SmallVector<Nest, 0> formNests(func::FuncOp func, bool fuse) {
  SmallVector<Nest, 0> nests;
  formNestsIn(func.getBody().front(), fuse, nests);
  return nests;
}

DenseSet<Operation *> findRegisterTemporaries(ArrayRef<Nest> nests) {
  DenseSet<Operation *> result;
  DenseMap<Operation *, const Nest *> nestOf;
  SetVector<Operation *> candidates;
  for (const Nest &nest : nests)
    for (const Statement &statement : nest.statements) {
      nestOf[statement.op] = &nest;
      for (const Access &out : statement.outs)
        if (auto alloc = out.root.getDefiningOp<memref::AllocOp>())
          candidates.insert(alloc);
    }

  // Whether all users, also through views, are in one nest.
  std::function<bool(Value, const Nest *)> onlyUsedIn = [&](Value value,
                                                            const Nest *nest) {
    return llvm::all_of(value.getUsers(), [&](Operation *user) {
      if (isa<ViewLikeOpInterface>(user) &&
          findRoot(user->getResult(0)) != user->getResult(0))
        return onlyUsedIn(user->getResult(0), nest);
      auto it = nestOf.find(user);
      return it != nestOf.end() && it->second == nest;
    });
  };

  for (Operation *alloc : candidates) {
    Value root = alloc->getResult(0);
    for (const Nest &nest : nests) {
      if (!onlyUsedIn(root, &nest))
        continue;
      // Every read is of the element that an earlier statement wrote.
      SmallVector<const Access *> written;
      bool forwarded = true;
      auto check = [&](const Access &access) {
        forwarded &= access.root != root ||
                     llvm::any_of(written, [&](const Access *other) {
                       return access.sameElement(*other);
                     });
      };
      for (const Statement &statement : nest.statements) {
        for (const Access &access : statement.ins)
          check(access);
        for (auto [i, access] : llvm::enumerate(statement.outs)) {
          if (statement.readsOut(i))
            check(access);
          if (access.root == root)
            written.push_back(&access);
        }
      }
      if (forwarded)
        result.insert(alloc);
      break;
    }
  }
  return result;
}

} // namespace mlir::pock
