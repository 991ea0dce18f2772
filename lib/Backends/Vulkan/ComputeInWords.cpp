//===- ComputeInWords.cpp - Arithmetic of bytes with 32-bit integers ------===//
//
// Portable shaders compute with integers of 32 bits only. Needs bufferized
// kernels. Guarantees that they load, store and convert bytes, and do nothing
// else with them. Memory does not change.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestFusion.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::pock {
#define GEN_PASS_DEF_COMPUTEINWORDS
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Rewrites the code of a kernel. A byte is a word with the byte's sign.
class WordRewriter {
public:
  WordRewriter(MLIRContext *context) : b(context) {}

  /// Rewrites everything in `kernel`, in the order of the code.
  LogicalResult run(func::FuncOp kernel) {
    WalkResult result = kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto generic = dyn_cast<linalg::GenericOp>(op))
        enter(generic);
      else if (auto load = dyn_cast<memref::LoadOp>(op))
        widen(load.getResult());
      else if (auto yield = dyn_cast<linalg::YieldOp>(op))
        narrow(yield, getElementTypes(yield));
      else if (failed(rewrite(op)))
        return WalkResult::interrupt();
      return WalkResult::advance();
    });
    for (Operation *op : dead)
      op->erase();
    return failure(result.wasInterrupted());
  }

private:
  Type word() { return b.getI32Type(); }

  static SmallVector<Type> getElementTypes(linalg::YieldOp yield) {
    auto op = cast<linalg::GenericOp>(yield->getParentOp());
    return llvm::map_to_vector(op.getDpsInits(), [](Value init) {
      return getElementTypeOrSelf(init.getType());
    });
  }

  void enter(linalg::GenericOp op) {
    // Scalar operands, which may have become words.
    narrow(op, llvm::map_to_vector(op.getBody()->getArgumentTypes(),
                                   [](Type type) { return type; }));
    for (BlockArgument argument : op.getBody()->getArguments())
      widen(argument);
  }

  /// Makes operands of `op` bytes where the type is that of a byte.
  void narrow(Operation *op, ArrayRef<Type> types) {
    for (auto [operand, type] : llvm::zip_equal(op->getOpOperands(), types)) {
      if (!bytes.contains(operand.get()))
        continue;
      b.setInsertionPoint(op);
      operand.set(
          arith::TruncIOp::create(b, op->getLoc(), type, operand.get()));
    }
  }

  /// Makes all operations use the byte `value` as a word.
  void widen(Value value) {
    if (!value.getType().isInteger(8) || value.use_empty())
      return;
    b.setInsertionPointAfterValue(value);
    Value wide = arith::ExtSIOp::create(b, value.getLoc(), word(), value);
    value.replaceAllUsesExcept(wide, wide.getDefiningOp());
    bytes.insert(wide);
    done.insert(wide.getDefiningOp());
  }

  LogicalResult rewrite(Operation *op) {
    if (done.contains(op) || !isa<arith::ArithDialect>(op->getDialect()))
      return success();
    Location loc = op->getLoc();
    b.setInsertionPoint(op);
    if (op->getNumOperands() != 0 && bytes.contains(op->getOperand(0))) {
      Value operand = op->getOperand(0);
      if (isa<arith::ExtUIOp, arith::UIToFPOp, arith::IndexCastUIOp>(op))
        op->setOperand(0, operand = lowByte(operand));
      if (isa<arith::ExtSIOp, arith::ExtUIOp>(op) &&
          op->getResult(0).getType() == word())
        return replace(op, operand), success();
    }
    if (op->getNumResults() != 1 || !op->getResult(0).getType().isInteger(8))
      return success();
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      APInt value = cast<IntegerAttr>(constant.getValue()).getValue();
      Value same =
          arith::ConstantIntOp::create(b, loc, value.getSExtValue(), 32);
      bytes.insert(same);
      return replace(op, same), success();
    }
    if (isa<arith::TruncIOp>(op)) {
      Value operand = op->getOperand(0);
      if (operand.getType() != word())
        operand = arith::TruncIOp::create(b, loc, word(), operand);
      return replace(op, signedByte(operand)), success();
    }
    bool isExact =
        isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::MaxSIOp,
            arith::MinSIOp, arith::MaxUIOp, arith::MinUIOp, arith::SelectOp,
            arith::ExtUIOp, arith::ExtSIOp>(op);
    bool wraps = isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp,
                     arith::ShRUIOp, arith::ShRSIOp, arith::IndexCastOp>(op);
    if (!isExact && !wraps)
      return op->emitError("'")
             << op->getName() << "' computes with " << b.getI8Type()
             << ", but shaders have integers of 32 bits";
    if (isa<arith::ShRUIOp>(op))
      op->setOperand(0, lowByte(op->getOperand(0)));
    Value result = op->getResult(0);
    result.setType(word());
    bytes.insert(result);
    if (wraps) {
      b.setInsertionPointAfter(op);
      Value byte = signedByte(result);
      Operation *shifted = byte.getDefiningOp()->getOperand(0).getDefiningOp();
      result.replaceAllUsesExcept(byte, shifted);
    }
    return success();
  }

  /// The bits of a byte, without its sign.
  Value lowByte(Value byte) {
    Value mask = arith::ConstantIntOp::create(b, byte.getLoc(), 255, 32);
    return arith::AndIOp::create(b, byte.getLoc(), byte, mask);
  }

  /// The low byte of a word, with its sign.
  Value signedByte(Value value) {
    Location loc = value.getLoc();
    Value shift = arith::ConstantIntOp::create(b, loc, 24, 32);
    Value left = arith::ShLIOp::create(b, loc, value, shift);
    Value byte = arith::ShRSIOp::create(b, loc, left, shift);
    bytes.insert(byte);
    return byte;
  }

  void replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    dead.push_back(op);
  }

  OpBuilder b;
  /// Words that stand for bytes.
  DenseSet<Value> bytes;
  /// Operations of this class that stay as they are.
  DenseSet<Operation *> done;
  SmallVector<Operation *> dead;
};

struct ComputeInWords : impl::ComputeInWordsBase<ComputeInWords> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp kernel : kernelsOf(getOperation())) {
      generalizeAll(kernel);
      if (failed(WordRewriter(&getContext()).run(kernel)))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace mlir::pock
