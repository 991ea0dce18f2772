//===- ForwardCopies.cpp - Results written to the target of a copy --------===//
//
// Bufferization gives each result of an operation a temporary if the results
// are copied to parts of one buffer (the transformed tiles of a convolution),
// because the analysis on tensors does not know that the parts are disjoint. On
// buffers this is easy to prove. If a temporary is written by one operation and
// then only copied, the operation writes to the target of the copy instead.
//
//===----------------------------------------------------------------------===//

#include "FuseOnTensors.h"
#include "Nest.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Whether the outermost subviews prove that two views of one buffer have no
/// element in common.
bool areDisjoint(Value a, Value b) {
  auto viewA = a.getDefiningOp<memref::SubViewOp>();
  auto viewB = b.getDefiningOp<memref::SubViewOp>();
  if (!viewA || !viewB || viewA.getSource() != viewB.getSource())
    return false;
  auto isOne = [](int64_t stride) { return stride == 1; };
  if (!llvm::all_of(viewA.getStaticStrides(), isOne) ||
      !llvm::all_of(viewB.getStaticStrides(), isOne))
    return false;
  for (auto [offsetA, sizeA, offsetB, sizeB] :
       llvm::zip_equal(viewA.getStaticOffsets(), viewA.getStaticSizes(),
                       viewB.getStaticOffsets(), viewB.getStaticSizes()))
    if (!ShapedType::isDynamic(offsetA) && !ShapedType::isDynamic(offsetB) &&
        (offsetA + sizeA <= offsetB || offsetB + sizeB <= offsetA))
      return true;
  return false;
}

/// Whether `op` accesses no element of `part`, a view of `root`.
bool leavesAlone(Operation *op, Value part, Value root) {
  if (isMemoryEffectFree(op) || isa<memref::AllocOp>(op))
    return true;
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && llvm::all_of(op->getOperands(), [&](Value operand) {
           return !isa<MemRefType>(operand.getType()) ||
                  findRoot(operand) != root || areDisjoint(operand, part);
         });
}

/// The operation that writes the temporary `alloc`, of which `copy` is the only
/// reader.
linalg::GenericOp findWriter(memref::AllocOp alloc, linalg::CopyOp copy) {
  linalg::GenericOp writer;
  for (OpOperand &use : alloc->getUses()) {
    if (use.getOwner() == copy)
      continue;
    auto op = dyn_cast<linalg::GenericOp>(use.getOwner());
    if (!op || writer || !op.isDpsInit(&use) ||
        op.payloadUsesValueFromOperand(&use))
      return {};
    writer = op;
  }
  return writer;
}

/// Moves the definition of `value`, with all that it depends on, before
/// `point`. False if an operation is not pure.
bool moveBefore(Value value, Operation *point) {
  Operation *def = value.getDefiningOp();
  if (!def || def->getBlock() != point->getBlock() ||
      def->isBeforeInBlock(point))
    return true;
  if (!isPure(def) || !llvm::all_of(def->getOperands(), [&](Value operand) {
        return moveBefore(operand, point);
      }))
    return false;
  def->moveBefore(point);
  return true;
}

} // namespace

void forwardCopies(func::FuncOp func) {
  SmallVector<linalg::CopyOp> copies;
  func.walk([&](linalg::CopyOp copy) { copies.push_back(copy); });
  for (linalg::CopyOp copy : copies) {
    Value to = copy.getOutputs()[0], root = findRoot(to);
    auto alloc = copy.getInputs()[0].getDefiningOp<memref::AllocOp>();
    linalg::GenericOp writer =
        alloc ? findWriter(alloc, copy) : linalg::GenericOp();
    if (!writer || writer->getBlock() != copy->getBlock() ||
        !writer->isBeforeInBlock(copy))
      continue;
    bool alone = true;
    for (Operation *op = writer; op != copy && alone; op = op->getNextNode())
      alone = leavesAlone(op, to, root);
    if (!alone || !moveBefore(to, writer))
      continue;
    alloc.replaceAllUsesWith(to);
    copy.erase();
    alloc.erase();
  }
}

} // namespace mlir::pock
