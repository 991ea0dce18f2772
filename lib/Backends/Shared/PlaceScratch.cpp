//===- PlaceScratch.cpp - Memory for the temporaries of kernels -----------===//
//
// Needs bufferized kernels whose body is one block. Guarantees that the only
// `memref.alloc` left are those that vectorization turns into registers. The
// lifetime of a temporary is the range from its first to its last use (views
// included), in operations of the block.
//
//===----------------------------------------------------------------------===//

#include "../../Support/MemoryPlanner.h"
#include "NestFusion.h"
#include "Pock/Backends/Shared/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/Target/TargetBackend.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::pock {
#define GEN_PASS_DEF_PLACESCRATCH
#include "Pock/Backends/Shared/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Widens [begin, end) to all uses of `value` and of its views.
void extendLifetime(Value value, Block &block,
                    const DenseMap<Operation *, int64_t> &position,
                    Slot &slot) {
  for (Operation *user : value.getUsers()) {
    Operation *top = block.findAncestorOpInBlock(*user);
    int64_t at = position.lookup(top);
    // A view is not an access: only its users count.
    if (isa<ViewLikeOpInterface>(user)) {
      for (Value result : user->getResults())
        extendLifetime(result, block, position, slot);
      continue;
    }
    slot.begin = std::min(slot.begin, at);
    slot.end = std::max(slot.end, at + 1);
  }
}

/// The temporaries that need memory.
FailureOr<SmallVector<memref::AllocOp>> collect(func::FuncOp func,
                                                ArrayRef<Nest> nests) {
  SmallVector<memref::AllocOp> allocs;
  DenseSet<Operation *> registers = findRegisterTemporaries(nests);
  WalkResult result = func.walk([&](memref::AllocOp alloc) {
    if (!alloc.getType().hasStaticShape() ||
        !alloc.getType().getLayout().isIdentity() ||
        alloc->getBlock() != &func.getBody().front()) {
      alloc.emitError("expected a temporary of static shape and identity "
                      "layout at the top level of the kernel");
      return WalkResult::interrupt();
    }
    if (!registers.contains(alloc))
      allocs.push_back(alloc);
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return allocs;
}

SmallVector<Slot> lifetimes(func::FuncOp func, ArrayRef<memref::AllocOp> allocs,
                            ArrayRef<Nest> nests, int64_t alignment) {
  Block &block = func.getBody().front();
  DenseMap<Operation *, int64_t> position;
  for (Operation &op : block)
    position.try_emplace(&op, position.size());
  // The operations of a nest run interleaved, so they have the same time.
  for (const Nest &nest : nests)
    for (const Statement &statement : nest.statements)
      position[statement.op] = position[nest.statements.front().op];
  SmallVector<Slot> slots;
  for (memref::AllocOp alloc : allocs) {
    Slot slot{bytesOf(alloc.getType()), alignment,
              static_cast<int64_t>(position.size()), 0};
    extendLifetime(alloc, block, position, slot);
    slots.push_back(slot);
  }
  return slots;
}

/// Removes the smallest temporaries from `allocs`, at most `limit` bytes in
/// total, and returns them.
SmallVector<memref::AllocOp> takeSmallest(SmallVector<memref::AllocOp> &allocs,
                                          int64_t limit) {
  SmallVector<memref::AllocOp> bySize(allocs);
  llvm::stable_sort(bySize, [](memref::AllocOp a, memref::AllocOp b) {
    return bytesOf(a.getType()) < bytesOf(b.getType());
  });
  SmallVector<memref::AllocOp> taken;
  for (memref::AllocOp alloc : bySize) {
    limit -= bytesOf(alloc.getType());
    if (limit < 0)
      break;
    taken.push_back(alloc);
    llvm::erase(allocs, alloc);
  }
  return taken;
}

void moveToStack(ArrayRef<memref::AllocOp> allocs, int64_t alignment) {
  for (memref::AllocOp alloc : allocs) {
    Block &block = *alloc->getBlock();
    OpBuilder b = OpBuilder::atBlockBegin(&block);
    auto stack = memref::AllocaOp::create(b, alloc.getLoc(), alloc.getType(),
                                          b.getI64IntegerAttr(alignment));
    alloc.replaceAllUsesWith(stack.getResult());
    alloc.erase();
  }
}

void moveToWorkspace(func::FuncOp func, ArrayRef<memref::AllocOp> allocs,
                     const Plan &plan) {
  OpBuilder b = OpBuilder::atBlockBegin(&func.getBody().front());
  auto type = MemRefType::get({plan.peak}, b.getI8Type());
  unsigned last = func.getNumArguments();
  (void)func.insertArgument(last, type, {}, func.getLoc());
  func->setAttr(attribute::workspace, b.getI64IntegerAttr(plan.peak));
  Value workspace = func.getArgument(last);
  for (auto [index, op] : llvm::enumerate(allocs)) {
    memref::AllocOp alloc = op;
    int64_t offset = plan.offsets[index];
    b.setInsertionPoint(alloc);
    Value start = arith::ConstantIndexOp::create(b, alloc.getLoc(), offset);
    Value view = memref::ViewOp::create(b, alloc.getLoc(), alloc.getType(),
                                        workspace, start, ValueRange());
    alloc.replaceAllUsesWith(view);
    alloc->erase();
  }
}

struct PlaceScratch : impl::PlaceScratchBase<PlaceScratch> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<TargetLimits> limits = getTargetLimits(getOperation());
    if (failed(limits))
      return signalPassFailure();
    int64_t stack = stackBytes < 0 ? limits->stackBytes : stackBytes;
    int64_t align = alignment == 0 ? limits->alignment : alignment;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      SmallVector<Nest, 0> nests = formNests(func);
      FailureOr<SmallVector<memref::AllocOp>> allocs = collect(func, nests);
      if (failed(allocs))
        return signalPassFailure();
      if (allocs->empty())
        continue;
      SmallVector<memref::AllocOp> onStack = takeSmallest(*allocs, stack);
      moveToStack(onStack, align);
      if (allocs->empty())
        continue;
      SmallVector<Slot> slots = lifetimes(func, *allocs, nests, align);
      moveToWorkspace(func, *allocs, plan(slots));
    }
  }
};

} // namespace
} // namespace mlir::pock
