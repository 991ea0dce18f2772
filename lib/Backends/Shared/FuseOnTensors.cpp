//===- FuseOnTensors.cpp - Rewrites of kernels before bufferization -------===//
//
// Rewrites on tensors, where they are easy to prove correct:
//
// 1. Elementwise producers with one use are fused into their consumer, if the
//    consumer reads each element once (otherwise it would be recomputed).
// 2. An operation that overwrites a fresh tensor (`tensor.empty`) and reads a
//    dying tensor of the same type at the same index overwrites that instead.
//    For example, conv -> bias -> relu6 uses one buffer, the out.
// 3. Unused operands and results are removed.
// 4. Splat constants become fills.
// 5. An elementwise operation on a result that a loop computes block by block
//    moves into the loop (FuseIntoLoops.cpp).
//
//===----------------------------------------------------------------------===//

#include "FuseOnTensors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// True if fusing the producer of `operand` into its user repeats no
/// significant work.
bool readsEachElementOnce(OpOperand *operand) {
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  if (!consumer || !producer || !producer->hasOneUse())
    return false;
  AffineMap map = consumer.getMatchingIndexingMap(operand);
  if (map.isPermutation())
    return true;
  // Repeated widening costs less than the memory of a wide copy.
  if (llvm::hasSingleElement(producer.getBody()->without_terminator()) &&
      isa<arith::ExtFOp>(producer.getBody()->front()))
    return true;
  // A broadcast or a copy may be repeated if the consumer is elementwise, but
  // not if it is a contraction, for which a copy is deliberate packing.
  return consumer.getNumReductionLoops() == 0 &&
         llvm::hasSingleElement(producer.getBody()->getOperations());
}

/// True if `value` becomes result number `index` of the kernel, possibly after
/// insertions, without other uses on the way.
bool becomesResult(Value value, unsigned index) {
  while (value.hasOneUse()) {
    OpOperand &use = *value.use_begin();
    if (isa<func::ReturnOp>(use.getOwner()))
      return use.getOperandNumber() == index;
    auto insert = dyn_cast<tensor::InsertSliceOp>(use.getOwner());
    if (!insert || use.get() != insert.getSource())
      return false;
    value = insert.getResult();
  }
  return false;
}

/// Whether `op` is the last reader of `value`, and may overwrite it with
/// `result`.
bool mayOverwrite(linalg::GenericOp op, Value value, Value result) {
  // In a loop, the next iteration reads a value from outside again.
  if (value.getParentBlock() != op->getBlock())
    return false;
  for (Operation *user : value.getUsers())
    if (user->getBlock() != op->getBlock() ||
        (user != op && !user->isBeforeInBlock(op)))
      // The destination of an insertion is not read: it is the value that the
      // update replaces.
      if (!isa<tensor::InsertSliceOp>(user) ||
          cast<tensor::InsertSliceOp>(user).getDest() != value)
        return false;
  if (value.getDefiningOp<linalg::LinalgOp>())
    return true;
  // An out (or a slice of it) that becomes the result is updated in place.
  if (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>())
    value = slice.getSource();
  auto arg = dyn_cast<BlockArgument>(value);
  auto func = dyn_cast<func::FuncOp>(op->getParentOp());
  if (!arg || !func)
    return false;
  unsigned ins = func.getNumArguments() - func.getNumResults();
  return arg.getArgNumber() >= ins &&
         becomesResult(result, arg.getArgNumber() - ins);
}

/// Lets elementwise operations overwrite an operand of which they are the last
/// reader.
void reuseDyingOperands(func::FuncOp func) {
  func.walk([](linalg::GenericOp op) {
    if (op.getNumReductionLoops() != 0)
      return;
    for (OpOperand &init : op.getDpsInitsMutable()) {
      if (!init.get().getDefiningOp<tensor::EmptyOp>() ||
          op.payloadUsesValueFromOperand(&init))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&init);
      for (OpOperand *input : op.getDpsInputOperands()) {
        Value value = input->get();
        bool taken = llvm::is_contained(op.getDpsInits(), value);
        if (taken || value.getType() != init.get().getType() ||
            op.getMatchingIndexingMap(input) != map || !map.isPermutation() ||
            !mayOverwrite(op, value, op.getTiedOpResult(&init)))
          continue;
        init.set(value);
        break;
      }
    }
  });
}

/// Turns splat constants into fills: a constant would become a global in
/// memory.
void fillSplatConstants(func::FuncOp func) {
  OpBuilder b(func.getContext());
  for (auto constant : llvm::make_early_inc_range(
           func.getBody().front().getOps<arith::ConstantOp>())) {
    auto type = dyn_cast<RankedTensorType>(constant.getType());
    auto splat = dyn_cast<SplatElementsAttr>(constant.getValue());
    if (!type || !splat)
      continue;
    Location loc = constant.getLoc();
    b.setInsertionPoint(constant);
    Value value = arith::ConstantOp::create(
        b, loc, cast<TypedAttr>(splat.getSplatValue<Attribute>()));
    // Make one fill per use: each may become the memory of another result.
    for (OpOperand &use : llvm::make_early_inc_range(constant->getUses())) {
      b.setInsertionPoint(use.getOwner());
      Value empty = tensor::EmptyOp::create(b, loc, type.getShape(),
                                            type.getElementType());
      use.set(linalg::FillOp::create(b, loc, value, empty).getResult(0));
    }
    constant.erase();
  }
}

} // namespace

LogicalResult fuseOnTensors(func::FuncOp func) {
  MLIRContext *context = func.getContext();
  {
    RewritePatternSet patterns(context);
    // Keep fills, which bufferization and the nest fusion recognize.
    func.walk([&](linalg::LinalgOp op) {
      IRRewriter rewriter(context);
      rewriter.setInsertionPoint(op);
      if (!isa<linalg::FillOp, linalg::GenericOp>(op.getOperation()))
        (void)linalg::generalizeNamedOp(rewriter, op);
    });
    linalg::populateElementwiseOpsFusionPatterns(patterns,
                                                 readsEachElementOnce);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    if (failed(applyPatternsGreedily(func, std::move(patterns))))
      return func.emitError("fusion of elementwise operations does not end");
  }
  fillSplatConstants(func);
  reuseDyingOperands(func);
  // This needs the updates in place, so it comes after reuse of operands.
  fuseIntoLoops(func);
  return success();
}

} // namespace mlir::pock
