//===- EmulateWideIntegers.cpp - 64-bit integers as pairs of words --------===//
//
// Needs shaders and their launches. Guarantees that shaders have no 64-bit
// integer: each is a vector of its low and its high word, also in memory, whose
// bytes do not change.
//
//===----------------------------------------------------------------------===//

#include "Pock/Backends/Vulkan/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/WideIntEmulationConverter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::pock {
#define GEN_PASS_DEF_EMULATEWIDEINTEGERS
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The type of buffers of pairs.
MemRefType convertBuffer(MemRefType type) {
  if (!type.getElementType().isInteger(64))
    return type;
  Builder b(type.getContext());
  return MemRefType::get(type.getShape(), VectorType::get(2, b.getI32Type()),
                         type.getLayout(), type.getMemorySpace());
}

/// Quotient and remainder of numbers without signs, bit by bit. A divisor of 0
/// gives some number.
std::pair<Value, Value> divide(OpBuilder &b, Location loc, Value n, Value d) {
  Value zero = arith::ConstantIntOp::create(b, loc, 0, 64);
  Value one = arith::ConstantIntOp::create(b, loc, 1, 64);
  Value last = arith::ConstantIntOp::create(b, loc, 63, 64);
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  auto loop = scf::ForOp::create(
      b, loc, index(0), index(64), index(1), ValueRange{zero, zero, n},
      [&](OpBuilder &b, Location loc, Value, ValueRange values) {
        auto shift = [&](Value value) -> Value {
          return arith::ShLIOp::create(b, loc, value, one);
        };
        Value bit = arith::ShRUIOp::create(b, loc, values[2], last);
        Value rest = arith::OrIOp::create(b, loc, shift(values[1]), bit);
        Value fits =
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, rest, d);
        Value less = arith::SubIOp::create(b, loc, rest, d);
        Value digit = arith::ExtUIOp::create(b, loc, b.getI64Type(), fits);
        scf::YieldOp::create(
            b, loc,
            {arith::OrIOp::create(b, loc, shift(values[0]), digit),
             arith::SelectOp::create(b, loc, fits, less, rest),
             shift(values[2])});
      });
  return {loop.getResult(0), loop.getResult(1)};
}

/// Replaces a division of 64-bit integers, which upstream does not emulate.
void expandDivision(Operation *op) {
  OpBuilder b(op);
  Location loc = op->getLoc();
  Value zero = arith::ConstantIntOp::create(b, loc, 0, 64);
  auto isNegative = [&](Value value) -> Value {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, value,
                                 zero);
  };
  auto negateIf = [&](Value condition, Value value) -> Value {
    Value negative = arith::SubIOp::create(b, loc, zero, value);
    return arith::SelectOp::create(b, loc, condition, negative, value);
  };
  Value n = op->getOperand(0), d = op->getOperand(1), negative;
  bool isQuotient = isa<arith::DivSIOp, arith::DivUIOp>(op);
  if (isa<arith::DivSIOp, arith::RemSIOp>(op)) {
    // The remainder has the sign of the dividend.
    negative = isNegative(n);
    Value other = isNegative(d);
    n = negateIf(negative, n);
    d = negateIf(other, d);
    if (isQuotient)
      negative = arith::XOrIOp::create(b, loc, negative, other);
  }
  auto [quotient, rest] = divide(b, loc, n, d);
  Value result = isQuotient ? quotient : rest;
  op->getResult(0).replaceAllUsesWith(negative ? negateIf(negative, result)
                                               : result);
  op->erase();
}

/// Replaces all divisions of 64-bit integers in `shaders`.
void expandDivisions(gpu::GPUModuleOp shaders) {
  RewritePatternSet patterns(shaders.getContext());
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  (void)applyPatternsGreedily(shaders, std::move(patterns));
  SmallVector<Operation *> divisions;
  shaders.walk([&](Operation *op) {
    if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(
            op) &&
        op->getResult(0).getType().isInteger(64))
      divisions.push_back(op);
  });
  llvm::for_each(divisions, expandDivision);
}

/// Keeps the number where a 64-bit integer is shifted by 0 bits: MLIR 22 shifts
/// one of its words by 32 then.
void guardShifts(gpu::GPUModuleOp shaders) {
  shaders.walk([](Operation *op) {
    if (!isa<arith::ShLIOp, arith::ShRUIOp>(op) ||
        !op->getResult(0).getType().isInteger(64) ||
        getConstantIntValue(op->getOperand(1)).value_or(0) != 0)
      return;
    OpBuilder b(op->getContext());
    b.setInsertionPointAfter(op);
    Location loc = op->getLoc();
    Value zero = arith::ConstantIntOp::create(b, loc, 0, 64);
    Value stays = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                        op->getOperand(1), zero);
    auto result = arith::SelectOp::create(b, loc, stays, op->getOperand(0),
                                          op->getResult(0));
    op->getResult(0).replaceAllUsesExcept(result, result);
  });
}

struct EmulateWideIntegers
    : impl::EmulateWideIntegersBase<EmulateWideIntegers> {
  using Base::Base;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    arith::WideIntEmulationConverter converter(32);
    converter.addConversion(convertBuffer);
    ConversionTarget target(*context);
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    target.addDynamicallyLegalDialect<
        arith::ArithDialect, memref::MemRefDialect, vector::VectorDialect>(
        [&](Operation *op) { return converter.isLegal(op); });
    target.addDynamicallyLegalOp<gpu::GPUFuncOp>([&](gpu::GPUFuncOp op) {
      return converter.isLegal(op.getArgumentTypes());
    });
    RewritePatternSet patterns(context);
    arith::populateArithWideIntEmulationPatterns(converter, patterns);
    memref::populateMemRefWideIntEmulationPatterns(converter, patterns);
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    populateFunctionOpInterfaceTypeConversionPattern<gpu::GPUFuncOp>(patterns,
                                                                     converter);
    FrozenRewritePatternSet frozen(std::move(patterns));
    for (auto shaders : getOperation().getOps<gpu::GPUModuleOp>()) {
      expandDivisions(shaders);
      guardShifts(shaders);
      if (failed(applyPartialConversion(shaders, target, frozen)))
        return signalPassFailure();
    }
    getOperation().walk([](gpu::LaunchFuncOp launch) {
      OpBuilder b(launch);
      for (OpOperand &operand : launch.getKernelOperandsMutable()) {
        auto type = cast<MemRefType>(operand.get().getType());
        MemRefType pairs = convertBuffer(type);
        if (pairs != type)
          operand.set(UnrealizedConversionCastOp::create(b, launch.getLoc(),
                                                         pairs, operand.get())
                          .getResult(0));
      }
    });
  }
};

} // namespace
} // namespace mlir::pock
