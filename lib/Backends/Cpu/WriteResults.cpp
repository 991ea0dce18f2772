//===- WriteResults.cpp - Results computed in their places ----------------===//
//
// A temporary that is copied to a result, changed in place, and copied to
// another result, is not needed: each operation can write the result that the
// next copy writes. The value of the temporary from one full overwrite to the
// next is called a version here.
//
// Needs bufferized kernels whose buffers are not placed yet. Guarantees the
// same results. Handles temporaries and results of the same type that
// operations at the top level of a kernel access as a whole.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "../Shared/NestFusion.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Schedule.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::pock {
#define GEN_PASS_DEF_WRITERESULTS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The users of `alloc` in order; nothing if one is not a linalg operation at
/// the top level of the kernel.
std::optional<SmallVector<linalg::GenericOp>> usersOf(memref::AllocOp alloc) {
  SmallVector<linalg::GenericOp> users;
  for (Operation *user : alloc->getUsers()) {
    auto op = dyn_cast<linalg::GenericOp>(user);
    if (!op || op->getBlock() != alloc->getBlock())
      return std::nullopt;
    if (!llvm::is_contained(users, op))
      users.push_back(op);
  }
  llvm::sort(users, [](auto a, auto b) { return a->isBeforeInBlock(b); });
  return users;
}

/// Whether `op` overwrites all of `buffer`, and nothing of it counts.
bool overwrites(linalg::GenericOp op, Value buffer) {
  return llvm::any_of(op.getDpsInitsMutable(), [&](OpOperand &init) {
    return init.get() == buffer && !op.payloadUsesValueFromOperand(&init) &&
           op.getMatchingIndexingMap(&init).isPermutation() &&
           op.getNumReductionLoops() == 0;
  });
}

/// The result to which `op` copies `buffer`, a view of an argument.
Value copyTarget(linalg::GenericOp op, Value buffer) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      op->getOperand(0) != buffer || op->getOperand(1) == buffer ||
      op->getOperand(1).getType() != buffer.getType() ||
      op.getBody()->getTerminator()->getOperand(0) !=
          op.getBody()->getArgument(0) ||
      !llvm::all_of(op.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return {};
  Value target = op->getOperand(1);
  return isa<BlockArgument>(findRoot(target)) ? target : Value();
}

/// Whether no operation from `begin` to `end` accesses the buffer of `target`,
/// except `copy`.
bool isUntouched(Operation *begin, Operation *end, Value target,
                 Operation *copy) {
  for (Operation *op = begin;; op = op->getNextNode()) {
    if (op != copy && !isMemoryEffectFree(op) && !isa<memref::AllocOp>(op)) {
      if (!isa<linalg::GenericOp>(op) ||
          llvm::any_of(op->getOperands(), [&](Value operand) {
            return isa<MemRefType>(operand.getType()) &&
                   findRoot(operand) == findRoot(target);
          }))
        return false;
    }
    if (op == end)
      return true;
  }
}

/// Lets the version of `alloc` that `users` access, of which number `copy` is
/// the first copy, be in the target of this copy. Number `end` overwrites it.
bool moveVersion(memref::AllocOp alloc,
                 MutableArrayRef<linalg::GenericOp> users, size_t copy,
                 size_t end) {
  Value target = copyTarget(users[copy], alloc);
  // The view must be defined before it is written.
  Operation *def = target.getDefiningOp();
  if (def && def->getBlock() == alloc->getBlock() &&
      !def->isBeforeInBlock(users.front()))
    return false;
  Operation *last = end < users.size() ? users[end] : users.back();
  if (!isUntouched(users.front(), last, target, users[copy]))
    return false;
  for (size_t i = 0; i < std::min(end + 1, users.size()); ++i)
    for (OpOperand &operand : users[i]->getOpOperands())
      if (operand.get() == alloc && (i < end || !users[i].isDpsInit(&operand)))
        operand.set(target);
  users[copy]->erase();
  return true;
}

/// Moves each version of `alloc` that is copied to a result.
void moveVersions(memref::AllocOp alloc) {
  std::optional<SmallVector<linalg::GenericOp>> found = usersOf(alloc);
  if (!found)
    return;
  MutableArrayRef<linalg::GenericOp> users = *found;
  while (!users.empty()) {
    size_t copy = 0;
    while (copy < users.size() && !copyTarget(users[copy], alloc))
      ++copy;
    if (copy == users.size())
      return;
    // The version may change until it is copied, but not afterwards.
    size_t end = copy + 1;
    while (end < users.size() && !overwrites(users[end], alloc)) {
      if (llvm::is_contained(users[end].getDpsInits(), alloc.getResult()))
        return;
      ++end;
    }
    if (!moveVersion(alloc, users, copy, end))
      return;
    users = users.drop_front(std::min(end, users.size()));
  }
}

struct WriteResults : impl::WriteResultsBase<WriteResults> {
  using Base::Base;

  void runOnOperation() override {
    if (!usesGroups(TargetDescription::of(getOperation())))
      return;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      Block &block = func.getBody().front();
      for (auto alloc : llvm::to_vector(block.getOps<memref::AllocOp>()))
        moveVersions(alloc);
      eraseDeadOps(func);
    }
  }
};

} // namespace
} // namespace mlir::pock
