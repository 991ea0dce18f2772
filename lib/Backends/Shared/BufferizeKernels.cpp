//===- BufferizeKernels.cpp - Kernels on tensors -> kernels on memrefs ----===//
//
// Needs functions marked `pock.kernel` with linalg/tensor/arith bodies of
// static shape, the outs last. Guarantees that they work on memrefs of identity
// layout, return nothing and contain no tensor. Temporaries are `memref.alloc`.
//
// For one-shot bufferization, each out is the only writable tensor of its
// buffer, and a result is "materialized" in that tensor. Upstream's analysis
// then decides which ops may run in place, also for an out that is read.
//
//===----------------------------------------------------------------------===//

#include "FuseOnTensors.h"
#include "Nest.h"
#include "Pock/Backends/Shared/Passes.h"
#include "Pock/IR/Kernels.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::pock {
#define GEN_PASS_DEF_BUFFERIZEKERNELS
#include "Pock/Backends/Shared/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Checks the shape of a kernel: static tensors, one out per result.
LogicalResult verifyKernel(func::FuncOp func) {
  if (!func.getBody().hasOneBlock())
    return func.emitError("expected a kernel to have one block");
  unsigned ins = func.getNumArguments(), outs = func.getNumResults();
  if (outs > ins)
    return func.emitError("expected one out argument per result, but got ")
           << ins << " arguments and " << outs << " results";
  for (unsigned i = 0; i < outs; ++i)
    if (func.getArgument(ins - outs + i).getType() != func.getResultTypes()[i])
      return func.emitError("expected out argument ")
             << i << " to have the type of its result, "
             << func.getResultTypes()[i];
  WalkResult result = func.walk([](Operation *op) {
    auto isDynamic = [](Type type) {
      auto tensor = dyn_cast<TensorType>(type);
      return tensor && (!tensor.hasRank() || !tensor.hasStaticShape());
    };
    bool dynamic = llvm::any_of(op->getResultTypes(), isDynamic);
    if (auto func = dyn_cast<func::FuncOp>(op))
      dynamic |= llvm::any_of(func.getArgumentTypes(), isDynamic);
    if (!dynamic)
      return WalkResult::advance();
    op->emitError("expected static shapes in a kernel");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// If result number `index` is a concatenation of arguments in its out: the
/// insertions of the arguments, in order. Empty for any other result.
SmallVector<tensor::InsertSliceOp> findParts(func::FuncOp func,
                                             unsigned index) {
  unsigned ins = func.getNumArguments() - func.getNumResults();
  Value value = func.getBody().front().getTerminator()->getOperand(index);
  SmallVector<tensor::InsertSliceOp> parts;
  while (auto insert = value.getDefiningOp<tensor::InsertSliceOp>()) {
    auto isStatic = [](ArrayRef<int64_t> numbers) {
      return llvm::none_of(numbers, ShapedType::isDynamic);
    };
    auto source = dyn_cast<BlockArgument>(insert.getSource());
    if (!source || source.getArgNumber() >= ins || !value.hasOneUse() ||
        !isStatic(insert.getStaticOffsets()) ||
        !isStatic(insert.getStaticSizes()) ||
        !isStatic(insert.getStaticStrides()))
      return {};
    parts.push_back(insert);
    value = insert.getDest();
  }
  if (value != func.getArgument(ins + index) || !value.hasOneUse())
    return {};
  std::reverse(parts.begin(), parts.end());
  return parts;
}

/// Copies the sources of `parts`, which are buffers now, to their places in
/// `out`. (On tensors, one-shot analysis would take quadratic time, because it
/// visits the whole chain of insertions for each insertion.)
void writeParts(OpBuilder &b, ArrayRef<tensor::InsertSliceOp> parts,
                Value out) {
  auto whole = cast<MemRefType>(out.getType());
  for (tensor::InsertSliceOp part : parts) {
    MemRefType type = memref::SubViewOp::inferRankReducedResultType(
        part.getSourceType().getShape(), whole, part.getStaticOffsets(),
        part.getStaticSizes(), part.getStaticStrides());
    Value place = memref::SubViewOp::create(
        b, part.getLoc(), type, out, part.getMixedOffsets(),
        part.getMixedSizes(), part.getMixedStrides());
    auto source = part.getSource().getDefiningOp<bufferization::ToTensorOp>();
    linalg::CopyOp::create(b, part.getLoc(), source.getBuffer(), place);
  }
}

/// Turns the tensor arguments into memrefs and the results into writes.
void rewriteSignature(func::FuncOp func) {
  Block &block = func.getBody().front();
  OpBuilder b = OpBuilder::atBlockBegin(&block);
  unsigned ins = block.getNumArguments() - func.getNumResults();
  SmallVector<SmallVector<tensor::InsertSliceOp>> parts;
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    parts.push_back(findParts(func, i));

  SmallVector<Value> tensors;
  for (BlockArgument arg : block.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(arg.getType());
    if (!type) {
      tensors.push_back(arg);
      continue;
    }
    arg.setType(MemRefType::get(type.getShape(), type.getElementType()));
    auto tensor = bufferization::ToTensorOp::create(
        b, func.getLoc(), type, arg, /*restrict=*/true,
        /*writable=*/arg.getArgNumber() >= ins);
    arg.replaceAllUsesExcept(tensor, tensor);
    tensors.push_back(tensor);
  }

  Operation *ret = block.getTerminator();
  b.setInsertionPoint(ret);
  for (auto [i, result] : llvm::enumerate(ret->getOperands())) {
    if (!parts[i].empty()) {
      writeParts(b, parts[i], block.getArgument(ins + i));
      continue;
    }
    Location loc = ret->getLoc();
    auto placed = bufferization::MaterializeInDestinationOp::create(
        b, loc, result.getType(), result, tensors[ins + i]);
    // This becomes a copy of the out to itself.
    bufferization::MaterializeInDestinationOp::create(
        b, loc, TypeRange(), placed.getResult(), block.getArgument(ins + i),
        /*restrict=*/true, /*writable=*/true);
  }
  func::ReturnOp::create(b, ret->getLoc());
  ret->erase();
  for (auto &chain : parts)
    for (tensor::InsertSliceOp part : llvm::reverse(chain))
      part.erase();

  func.setType(b.getFunctionType(block.getArgumentTypes(), {}));
  func.setResAttrsAttr({});
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
    func.removeArgAttr(i, "bufferization.writable");
}

/// One-shot bufferization of `func` alone.
LogicalResult bufferize(func::FuncOp func) {
  IRRewriter rewriter(func.getContext());
  if (failed(bufferization::eliminateEmptyTensors(rewriter, func)))
    return failure();
  bufferization::OneShotBufferizationOptions options;
  options.memCpyFn = [](OpBuilder &b, Location loc, Value from, Value to) {
    if (from != to)
      linalg::CopyOp::create(b, loc, from, to);
    return success();
  };
  bufferization::BufferizationState state;
  return bufferization::runOneShotBufferize(func, options, state);
}

/// Moves temporaries out of loops, so that all iterations use the same memory.
void hoistTemporaries(func::FuncOp func) {
  Block &body = func.getBody().front();
  func.walk([&](memref::AllocOp alloc) {
    if (Operation *top = body.findAncestorOpInBlock(*alloc); top != alloc)
      alloc->moveBefore(top);
  });
}

/// Removes copies of a buffer to itself and temporaries that are never read.
void cleanUp(func::FuncOp func) {
  func.walk([](linalg::CopyOp copy) {
    Value from = copy.getInputs()[0], to = copy.getOutputs()[0];
    // The type contains shape, strides and offset.
    auto type = cast<MemRefType>(from.getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    if (findRoot(from) == findRoot(to) && type == to.getType() &&
        succeeded(type.getStridesAndOffset(strides, offset)) &&
        !ShapedType::isDynamic(offset) &&
        llvm::none_of(strides, ShapedType::isDynamic))
      copy.erase();
  });
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

/// Rejects ops on tensors that are left after bufferization.
LogicalResult verifyNoTensors(func::FuncOp func) {
  WalkResult result = func.walk([](Operation *op) {
    auto isTensor = [](Type type) { return isa<TensorType>(type); };
    if (llvm::none_of(op->getResultTypes(), isTensor) &&
        llvm::none_of(op->getOperandTypes(), isTensor))
      return WalkResult::advance();
    op->emitError("cannot be bufferized in a kernel");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

struct BufferizeKernels : impl::BufferizeKernelsBase<BufferizeKernels> {
  using Base::Base;

  void getDependentDialects(DialectRegistry &registry) const override {
    Base::getDependentDialects(registry);
    registerBufferizationModels(registry);
  }

  void runOnOperation() override {
    for (func::FuncOp func : kernelsOf(getOperation())) {
      auto isTensor = [](Type type) { return isa<TensorType>(type); };
      if (llvm::none_of(func.getArgumentTypes(), isTensor) &&
          llvm::none_of(func.getResultTypes(), isTensor))
        continue; // The kernel is bufferized already.
      if (failed(verifyKernel(func)) || failed(fuseOnTensors(func)))
        return signalPassFailure();
      rewriteSignature(func);
      if (failed(bufferize(func)))
        return signalPassFailure();
      forwardCopies(func);
      hoistTemporaries(func);
      cleanUp(func);
      if (failed(verifyNoTensors(func)))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace mlir::pock
