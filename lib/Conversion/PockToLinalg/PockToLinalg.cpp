//===- PockToLinalg.cpp - kernels of pock ops -> linalg on tensors --------===//
//
// Needs kernels (functions marked `pock.kernel`): one block of pock ops on
// static tensors, with one out argument per result at the end. Guarantees that
// no pock op is left, and that results are computed into their out arguments as
// far as tensors can express it. Does not fuse and does not bufferize.
//
//===----------------------------------------------------------------------===//

#include "LinalgBuilders.h"
#include "Pock/Conversion/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::pock {
#define GEN_PASS_DEF_CONVERTPOCKTOLINALG
#include "Pock/Conversion/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {

/// Builds the loops of composite ops that work on one part at a time.
void loopOverParts(func::FuncOp kernel) {
  RewritePatternSet patterns(kernel.getContext());
  populateAttentionPatterns(patterns);
  walkAndApplyPatterns(kernel, std::move(patterns));
}

/// Replaces composite ops by their parts until none is left.
LogicalResult decomposeAll(func::FuncOp kernel) {
  while (true) {
    SmallVector<DecomposableOpInterface> composites;
    kernel.walk([&](DecomposableOpInterface op) { composites.push_back(op); });
    if (composites.empty())
      return success();
    for (DecomposableOpInterface op : composites) {
      OpBuilder b(op);
      FailureOr<SmallVector<Value>> values = op.decompose(b);
      if (failed(values))
        return op.emitOpError("cannot be decomposed");
      op->replaceAllUsesWith(*values);
      op->erase();
    }
  }
}

/// Lowers every pock op, producers first.
LogicalResult lowerOps(func::FuncOp kernel) {
  RewritePatternSet patterns(kernel.getContext());
  populateContractionPatterns(patterns);
  populateConvGradientPatterns(patterns);
  populateElementwisePatterns(patterns);
  populateIndexingPatterns(patterns);
  populatePoolingPatterns(patterns);
  populateReductionPatterns(patterns);
  populateShapePatterns(patterns);
  walkAndApplyPatterns(kernel, std::move(patterns));

  WalkResult result = kernel.walk([](Operation *op) {
    if (!isa<KernelRoleOpInterface>(op))
      return WalkResult::advance();
    op->emitOpError("has no lowering to linalg");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// Whether the loops of `op` can be collapsed. Upstream writes a wrong map for
/// a dimension of size 1 that is read at the constant 0.
bool hasCollapsibleMaps(linalg::GenericOp op) {
  return llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
    return map.isProjectedPermutation();
  });
}

/// Collapses the loops of an elementwise op if all readers read a collapsed
/// result.
struct CollapseProducer : OpRewritePattern<tensor::CollapseShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::CollapseShapeOp op,
                                PatternRewriter &rewriter) const override {
    auto producer = op.getSrc().getDefiningOp<linalg::GenericOp>();
    SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
    if (!producer || !producer->hasOneUse() ||
        producer.getNumReductionLoops() != 0 ||
        !producer.getMatchingIndexingMap(producer.getDpsInitOperand(0))
             .isIdentity() ||
        !hasCollapsibleMaps(producer) ||
        !linalg::areDimSequencesPreserved(producer.getIndexingMapsArray(),
                                          groups))
      return failure();
    FailureOr<linalg::CollapseResult> collapsed =
        linalg::collapseOpIterationDims(producer, groups, rewriter);
    if (failed(collapsed))
      return failure();
    rewriter.replaceOp(producer, collapsed->results);
    return success();
  }
};

/// The tensor that `value` is a view of, in row-major order.
Value stripReshapes(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// Whether `value` is a sum, or elementwise operations on one.
bool comesFromProduct(Value value) {
  SmallVector<Value> pending{value};
  DenseSet<Operation *> seen;
  while (!pending.empty()) {
    auto op =
        stripReshapes(pending.pop_back_val()).getDefiningOp<linalg::LinalgOp>();
    if (!op || !seen.insert(op).second)
      continue;
    if (op.getNumReductionLoops() != 0)
      return true;
    llvm::append_range(pending, op.getDpsInputs());
  }
  return false;
}

/// Moves the expansion of a product's rows behind the elementwise ops that
/// follow it. Then these ops run over the same loops, and so do the ops that
/// make their other operands.
void sinkExpansions(func::FuncOp kernel) {
  RewritePatternSet patterns(kernel.getContext());
  linalg::populateFoldReshapeOpsByCollapsingPatterns(
      patterns, [](OpOperand *operand) {
        // Unpacked bits, too, are expanded, but to the shape that others have.
        // (Of one image, none of these can be computed image by image.)
        auto type = dyn_cast<RankedTensorType>(operand->get().getType());
        if (!operand->get().getDefiningOp<tensor::ExpandShapeOp>() ||
            !(comesFromProduct(operand->get()) || type.getDimSize(0) == 1))
          return false;
        // All of them or none: the remaining ones could not be fused with the
        // others.
        return llvm::all_of(operand->get().getUsers(), [](Operation *user) {
          auto consumer = dyn_cast<linalg::GenericOp>(user);
          return consumer && consumer.getNumReductionLoops() == 0 &&
                 hasCollapsibleMaps(consumer);
        });
      });
  patterns.add<CollapseProducer>(kernel.getContext());
  // Reshapes that meet cancel out.
  tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns,
                                                       kernel.getContext());
  tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns,
                                                     kernel.getContext());
  // A tensor that is written in slices stays one tensor.
  tensor::populateFoldTensorEmptyPatterns(patterns, /*foldSingleUseOnly=*/true);
  tensor::populateReassociativeReshapeFoldingPatterns(patterns);
  (void)applyPatternsGreedily(kernel, std::move(patterns));
}

/// Makes the value of `use` be computed into `out`, a tensor of its type: its
/// initial tensor becomes `out`, or the value is copied into `out`. `placed`
/// are the values that have an out already, because a value cannot be in two
/// outs.
void computeInto(OpBuilder &b, OpOperand &use, Value out,
                 DenseSet<Value> &placed) {
  Value value = use.get();
  // Views of one tensor with one shape are one value.
  if (stripReshapes(value) == stripReshapes(out) &&
      value.getType() == out.getType())
    return;
  if (value.getDefiningOp<tensor::EmptyOp>()) {
    // Also its slices: a tensor that is written in slices starts from them.
    value.replaceUsesWithIf(out, [&](OpOperand &other) {
      return &other == &use || isa<tensor::ExtractSliceOp>(other.getOwner());
    });
    return;
  }

  Operation *op = placed.insert(value).second ? value.getDefiningOp() : nullptr;
  if (auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op))
    return computeInto(b, *linalgOp.getTiedOpOperand(cast<OpResult>(value)),
                       out, placed);
  if (auto insert = dyn_cast_or_null<tensor::InsertSliceOp>(op))
    return computeInto(b, insert.getDestMutable(), out, placed);
  if (auto loop = dyn_cast_or_null<scf::ForOp>(op))
    return computeInto(
        b, loop.getInitArgsMutable()[cast<OpResult>(value).getResultNumber()],
        out, placed);
  // A reshaped value is computed into the out reshaped back.
  if (isa_and_present<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
    OpOperand &source = op->getOpOperand(0);
    auto producer = source.get().getDefiningOp<linalg::LinalgOp>();
    // (A loop, slices, or a reshape of a computed value.)
    bool passesOn =
        !producer &&
        isa_and_present<scf::ForOp, tensor::InsertSliceOp, linalg::LinalgOp>(
            stripReshapes(source.get()).getDefiningOp());
    if (producer || passesOn) {
      b.setInsertionPointAfterValue(out);
      Value reshaped =
          buildReshape(b, op->getLoc(), out, getShape(source.get()));
      if (passesOn || producer.getNumReductionLoops() != 0)
        return computeInto(b, source, reshaped, placed);
      // Fusion of elementwise ops drops their destination.
      b.setInsertionPoint(op);
      return source.set(
          bufferization::MaterializeInDestinationOp::create(
              b, op->getLoc(), source.get().getType(), source.get(), reshaped)
              .getResult());
    }
  }
  b.setInsertionPoint(use.getOwner());
  use.set(linalg::CopyOp::create(b, use.getOwner()->getLoc(), value, out)
              .getResult(0));
}

/// Computes the results of the kernel into its out arguments.
void useOuts(func::FuncOp kernel) {
  Operation *terminator = kernel.getBody().front().getTerminator();
  unsigned firstOut = kernel.getNumArguments() - terminator->getNumOperands();
  OpBuilder b(kernel.getContext());
  DenseSet<Value> placed;
  for (OpOperand &result : terminator->getOpOperands())
    computeInto(b, result,
                kernel.getArgument(firstOut + result.getOperandNumber()),
                placed);
}

/// Erases ops without readers.
void eraseDead(func::FuncOp kernel) {
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(kernel.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

struct ConvertPockToLinalg
    : pock::impl::ConvertPockToLinalgBase<ConvertPockToLinalg> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isKernel(kernel))
      return;
    if (failed(verifyKernel(kernel)))
      return signalPassFailure();
    loopOverParts(kernel);
    if (failed(decomposeAll(kernel)) || failed(lowerOps(kernel)))
      return signalPassFailure();
    eraseDead(kernel);
    sinkExpansions(kernel);
    useOuts(kernel);
    eraseDead(kernel);
  }

  /// Checks that there is an out argument for each result.
  static LogicalResult verifyKernel(func::FuncOp kernel) {
    ArrayRef<Type> arguments = kernel.getArgumentTypes();
    ArrayRef<Type> results = kernel.getResultTypes();
    if (!kernel.getBody().hasOneBlock())
      return kernel.emitError("expected a kernel to have one block");
    if (arguments.size() < results.size() ||
        arguments.take_back(results.size()) != results)
      return kernel.emitError(
          "expected a kernel's last arguments to be its outs, of the types of "
          "its results");
    return success();
  }
};

} // namespace
