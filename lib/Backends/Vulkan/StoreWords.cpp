//===- StoreWords.cpp - Narrow and wide integers as 32-bit words ----------===//
//
// Portable shaders load and store 32 bits, and compute with no others. Needs
// bufferized kernels, and functions on tensors that launch them. Guarantees
// that all integers in memory are `i32`, and that kernels compute with `i1` and
// `i32` only. The caller of a function checks that the numbers of an input fit.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestFusion.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::pock {
#define GEN_PASS_DEF_STOREWORDS
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Whether numbers of this type are words in memory.
bool becomesWord(Type type) {
  return type.isInteger(1) || type.isInteger(8) || type.isInteger(64);
}

/// The type of a buffer or a tensor of words; `type` itself if it is one.
Type storedType(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped || !becomesWord(shaped.getElementType()))
    return type;
  return shaped.clone(IntegerType::get(type.getContext(), 32));
}

void setStoredType(Value value) { value.setType(storedType(value.getType())); }

/// Rewrites code of a kernel to words. Bytes and 64-bit integers are words with
/// their signs.
class WordRewriter {
public:
  WordRewriter(MLIRContext *context) : b(context) {}

  /// Rewrites everything in `kernel`, in the order of the code.
  LogicalResult run(func::FuncOp kernel) {
    WalkResult result = kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto generic = dyn_cast<linalg::GenericOp>(op))
        enter(generic);
      else if (auto load = dyn_cast<memref::LoadOp>(op))
        return rewriteLoad(load), WalkResult::skip();
      else if (auto yield = dyn_cast<linalg::YieldOp>(op))
        leave(yield);
      else if (failed(rewrite(op)))
        return WalkResult::interrupt();
      return WalkResult::advance();
    });
    for (Operation *op : dead)
      op->erase();
    return failure(result.wasInterrupted());
  }

private:
  /// Makes the arguments of a body words.
  void enter(linalg::GenericOp op) {
    Block &body = *op.getBody();
    for (OpOperand &operand : op->getOpOperands())
      if (operand.get().getType().isInteger(1))
        operand.set(toWord(op, operand.get()));
    for (BlockArgument argument : body.getArguments()) {
      Type type = argument.getType();
      if (!becomesWord(type))
        continue;
      argument.setType(b.getI32Type());
      if (!type.isInteger(1))
        continue;
      b.setInsertionPointToStart(&body);
      auto flag = arith::TruncIOp::create(b, argument.getLoc(), type, argument);
      argument.replaceAllUsesExcept(flag, flag);
    }
  }

  void leave(linalg::YieldOp yield) {
    for (OpOperand &operand : yield->getOpOperands())
      if (operand.get().getType().isInteger(1))
        operand.set(toWord(yield, operand.get()));
  }

  /// A truth value as a word, before `op`.
  Value toWord(Operation *op, Value flag) {
    b.setInsertionPoint(op);
    return arith::ExtUIOp::create(b, op->getLoc(), b.getI32Type(), flag);
  }

  void rewriteLoad(memref::LoadOp load) {
    Type type = load.getType();
    if (!becomesWord(type))
      return;
    load.getResult().setType(b.getI32Type());
    if (!type.isInteger(1))
      return;
    b.setInsertionPointAfter(load);
    auto flag = arith::TruncIOp::create(b, load.getLoc(), type, load);
    load.getResult().replaceAllUsesExcept(flag, flag);
  }

  static bool isWide(Type type) {
    return type.isInteger(8) || type.isInteger(64);
  }

  LogicalResult rewrite(Operation *op) {
    if (op->getNumResults() != 1 || !isa<arith::ArithDialect>(op->getDialect()))
      return success();
    Value result = op->getResult(0);
    Type type = result.getType();
    // Operands are words already; results are not.
    bool isWord = isWide(type);
    if (!isWord && !reinterprets(op))
      return success();
    b.setInsertionPoint(op);
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      APInt value = cast<IntegerAttr>(constant.getValue()).getValue();
      if (value.getSignificantBits() > 32)
        return op->emitError("needs an integer of 64 bits, but shaders have "
                             "integers of 32 bits");
      Value word = arith::ConstantIntOp::create(b, op->getLoc(),
                                                value.getSExtValue(), 32);
      return replace(op, word), success();
    }
    Value operand = op->getOperand(0);
    if (isa<arith::ExtUIOp>(op) && !operand.getType().isInteger(1))
      return replace(op, lowByte(op, operand)), success();
    if (isa<arith::ExtSIOp>(op) && !operand.getType().isInteger(1))
      return replace(op, operand), success();
    if (isa<arith::TruncIOp>(op))
      return replace(op, type.isInteger(8) ? signedByte(operand) : operand),
             success();
    bool isExact =
        isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::MaxSIOp,
            arith::MinSIOp, arith::SelectOp, arith::ExtUIOp, arith::ExtSIOp>(
            op) ||
        (type.isInteger(64) && isa<arith::IndexCastOp>(op));
    // A number without dimensions counts calls.
    auto around = op->getParentOfType<linalg::GenericOp>();
    bool isCounter = type.isInteger(64) && isa<arith::AddIOp>(op) && around &&
                     around.getNumLoops() == 0;
    bool isByte =
        type.isInteger(8) &&
        isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp,
            arith::ShRUIOp, arith::ShRSIOp, arith::IndexCastOp>(op);
    if (!isExact && !isByte && !isCounter)
      return op->emitError("'") << op->getName() << "' computes with " << type
                                << ", but shaders have integers of 32 bits";
    if (isa<arith::ShRUIOp>(op))
      op->setOperand(0, lowByte(op, operand));
    result.setType(b.getI32Type());
    if (isByte) {
      b.setInsertionPointAfter(op);
      Value byte = signedByte(result);
      Operation *shifted = byte.getDefiningOp()->getOperand(0).getDefiningOp();
      result.replaceAllUsesExcept(byte, shifted);
    }
    return success();
  }

  /// Whether the op converts a number of 8 or 64 bits, which is a word by now,
  /// to one of 32 bits.
  static bool reinterprets(Operation *op) {
    return isa<arith::TruncIOp, arith::ExtUIOp, arith::ExtSIOp>(op) &&
           op->getOperand(0).getType() == op->getResult(0).getType();
  }

  /// The bits of a byte, without its sign.
  Value lowByte(Operation *op, Value word) {
    Value mask = arith::ConstantIntOp::create(b, op->getLoc(), 255, 32);
    return arith::AndIOp::create(b, op->getLoc(), word, mask);
  }

  /// The low byte of a word, with its sign.
  Value signedByte(Value word) {
    Location loc = word.getLoc();
    Value shift = arith::ConstantIntOp::create(b, loc, 24, 32);
    return arith::ShRSIOp::create(
        b, loc, arith::ShLIOp::create(b, loc, word, shift), shift);
  }

  void replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    dead.push_back(op);
  }

  OpBuilder b;
  SmallVector<Operation *> dead;
};

struct StoreWords : impl::StoreWordsBase<StoreWords> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (func::FuncOp kernel : kernelsOf(module)) {
      generalizeAll(kernel);
      if (failed(WordRewriter(&getContext()).run(kernel)))
        return signalPassFailure();
    }
    SymbolTable symbols(module);
    WalkResult result = module.walk([&](LoadParamOp load) {
      Type stored = storedType(load.getType());
      if (stored == load.getType())
        return WalkResult::advance();
      // A counter.
      if (load.getType().getRank() == 0) {
        symbols.lookup<ParamOp>(load.getParam()).setType(stored);
        return WalkResult::advance();
      }
      load.emitOpError("reads a parameter of ")
          << getElementTypeOrSelf(load.getType())
          << ", but shaders have integers of 32 bits";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    module.walk([](Operation *op) {
      for (Value result : op->getResults())
        setStoredType(result);
      for (Region &region : op->getRegions())
        for (Block &block : region)
          for (BlockArgument argument : block.getArguments())
            setStoredType(argument);
    });
    for (auto function : module.getOps<func::FuncOp>())
      setFunctionType(function);
  }

  static void setFunctionType(func::FuncOp function) {
    auto store = [](TypeRange types) {
      return llvm::map_to_vector(types, storedType);
    };
    function.setType(FunctionType::get(function.getContext(),
                                       store(function.getArgumentTypes()),
                                       store(function.getResultTypes())));
  }
};

} // namespace
} // namespace mlir::pock
