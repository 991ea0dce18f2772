//===- LowerToLLVM.cpp - Everything to the LLVM dialect, in one conversion
//-===//
//
// Needs a module of func, scf, cf, affine, arith, math, index, memref (static
// shapes, no alloc) and vector operations. Guarantees a module of LLVM-dialect
// operations with triple and index width of `pock.target`, bare-pointer
// functions, private functions internal. Does not handle dynamic shapes at
// function boundaries.
//
// Upstream's separate conversions disagree about the width of `index` on 32-bit
// targets, hence one conversion with one type converter.
//
//===----------------------------------------------------------------------===//

#include "../Shared/MathApproximation.h"
#include "FunctionPatterns.h"
#include "LowerBf16.h"
#include "LowerBytes.h"
#include "LowerDot.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "TargetMachine.h"
#include "WideArithmetic.h"
#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/OpenMPToLLVM/ConvertOpenMPToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Approximation.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/IR/Threading.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/CodeGen/TargetLowering.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/Module.h"

namespace mlir::pock {
#define GEN_PASS_DEF_LOWERTOLLVM
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// A memref of i1 has one byte per element, but LLVM packs a vector of i1 into
/// bits. Loads and stores of such vectors move bytes.
template <typename Op>
struct MoveBoolVector : ConvertOpToLLVMPattern<Op> {
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    VectorType type = op.getVectorType();
    if (!type.getElementType().isInteger(1) || type.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "not a vector of i1");
    Location loc = op.getLoc();
    Value pointer =
        this->getStridedElementPtr(rewriter, loc, op.getMemRefType(),
                                   adaptor.getBase(), adaptor.getIndices());
    Type bytes = VectorType::get(type.getShape(), rewriter.getI8Type());
    if constexpr (std::is_same_v<Op, vector::LoadOp>) {
      Value loaded = LLVM::LoadOp::create(rewriter, loc, bytes, pointer, 1);
      rewriter.replaceOpWithNewOp<LLVM::TruncOp>(op, type, loaded);
    } else {
      Value wide =
          LLVM::ZExtOp::create(rewriter, loc, bytes, adaptor.getValueToStore());
      rewriter.replaceOpWithNewOp<LLVM::StoreOp>(op, wide, pointer, 1);
    }
    return success();
  }
};

/// The name of the function of the C library for an operation on f64 without an
/// LLVM intrinsic, or nothing.
StringRef functionFor(Operation *op) {
  if (op->getNumResults() != 1 ||
      !getElementTypeOrSelf(op->getResultTypes().front()).isF64())
    return "";
  return TypeSwitch<Operation *, StringRef>(op)
      .Case([](math::ErfOp) { return "erf"; })
      .Case([](math::ErfcOp) { return "erfc"; })
      .Case([](math::ExpM1Op) { return "expm1"; })
      .Case([](math::Log1pOp) { return "log1p"; })
      .Default(StringRef());
}

/// Declares the functions that `CallFunction` calls, before it runs on all
/// functions in parallel.
void declareFunctions(ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  Type f64 = b.getF64Type();
  module.walk([&](Operation *op) {
    StringRef name = functionFor(op);
    if (name.empty() || module.lookupSymbol(name))
      return;
    func::FuncOp::create(b, op->getLoc(), name, b.getFunctionType(f64, f64))
        .setPrivate();
  });
}

/// Lowers functions without an LLVM intrinsic on f64 to calls, lane by lane.
/// (Upstream expands two of them to exp(x) - 1 and log(1 + x), which are zero
/// for small x.)
template <typename Op>
struct CallFunction : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    Type f64 = rewriter.getF64Type(), type = op.getType();
    StringRef name = functionFor(op);
    if (name.empty())
      return rewriter.notifyMatchFailure(op, "not on f64");
    Location loc = op.getLoc();
    auto call = [&](Value value) -> Value {
      return func::CallOp::create(rewriter, loc, name, TypeRange{f64}, value)
          .getResult(0);
    };
    auto vectorType = dyn_cast<VectorType>(type);
    if (!vectorType) {
      rewriter.replaceOp(op, call(op.getOperand()));
      return success();
    }
    if (vectorType.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "not a vector of rank 1");
    SmallVector<Value> elements;
    for (int64_t i = 0, e = vectorType.getNumElements(); i < e; ++i)
      elements.push_back(
          call(vector::ExtractOp::create(rewriter, loc, op.getOperand(), i)));
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, vectorType,
                                                        elements);
    return success();
  }
};

/// Operations for which the target has instructions or functions.
struct Abilities {
  /// Rounding f32 to integers.
  bool rounding;
  /// Converting between i64 and f32.
  bool wideConversions;
  /// A C library whose functions may be called.
  bool library;
  /// Nothing on f64: neither instructions, nor functions that come with them.
  bool noDoubles;
  /// Instructions that compute with f16.
  bool halves;

  Abilities(const llvm::TargetMachine &machine,
            const TargetDescription &target) {
    llvm::LLVMContext context;
    llvm::Module module("probe", context);
    auto *function = llvm::Function::Create(
        llvm::FunctionType::get(llvm::Type::getVoidTy(context), false),
        llvm::GlobalValue::ExternalLinkage, "probe", module);
    const llvm::TargetLowering *lowering =
        machine.getSubtargetImpl(*function)->getTargetLowering();
    rounding = lowering->isOperationLegal(llvm::ISD::FFLOOR, llvm::MVT::f32);
    wideConversions = lowering->isOperationLegalOrCustom(llvm::ISD::SINT_TO_FP,
                                                         llvm::MVT::i64);
    library = !target.portable && !target.bareMetal;
    noDoubles = !lowering->isOperationLegal(llvm::ISD::FADD, llvm::MVT::f64) &&
                (target.bareMetal ||
                 lowering->isOperationLegal(llvm::ISD::FADD, llvm::MVT::f32));
    halves = lowering->isOperationLegal(llvm::ISD::FADD, llvm::MVT::f16);
  }
};

/// Expands f32 math functions to polynomials, and operations that the target
/// does not support to others.
LogicalResult expandMath(ModuleOp module, const TargetDescription &target,
                         const Abilities &abilities) {
  MLIRContext *context = module.getContext();
  if (failed(lowerBytes(module, target)) || failed(lowerDots(module, target)) ||
      failed(lowerBf16(module, target)))
    return failure();
  {
    RewritePatternSet patterns(context);
    populateCompositionPatterns(patterns);
    math::populateExpansionPatterns(patterns, {"ceilf", "ctlz"});
    if (failed(applyToFunctions(module, std::move(patterns))))
      return failure();
  }
  // (f64 keeps the exact functions.)
  RewritePatternSet patterns(context);
  populateFormulaPatterns(patterns);
  declareFunctions(module);
  patterns.add<CallFunction<math::ErfOp>, CallFunction<math::ErfcOp>,
               CallFunction<math::ExpM1Op>, CallFunction<math::Log1pOp>>(
      context);
  if (!abilities.rounding)
    populateRoundingPatterns(patterns);
  if (!abilities.wideConversions)
    populateWideConversionPatterns(patterns);
  if (!abilities.library)
    populateLibraryPatterns(patterns);
  return applyToFunctions(module, std::move(patterns));
}

/// Expands structured control flow, views and affine operations, in all
/// functions in parallel.
LogicalResult runPreparation(
    ModuleOp module,
    llvm::function_ref<LogicalResult(OpPassManager &, Operation *)> run) {
  OpPassManager pm("builtin.module");
  OpPassManager &functions = pm.nest<func::FuncOp>();
  functions.addPass(memref::createExpandStridedMetadataPass());
  functions.addPass(createLowerAffinePass());
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(createSCFToControlFlowPass());
  return run(pm, module);
}

/// Lowers multi-dimensional vectors, and vector operations without a
/// counterpart in LLVM.
LogicalResult lowerVectors(ModuleOp module, const TargetDescription &target) {
  RewritePatternSet patterns(module.getContext());
  if (tripleOf(target).isX86())
    populateWideLanePatterns(patterns);
  vector::populateVectorBroadcastLoweringPatterns(patterns);
  vector::populateVectorTransposeLoweringPatterns(
      patterns, vector::VectorTransposeLowering::Shuffle1D);
  vector::populateVectorShapeCastLoweringPatterns(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  return applyToFunctions(module, std::move(patterns));
}

/// Rejects a type for which functions of the runtime library would be called.
template <typename FloatType>
LogicalResult refuse(ModuleOp module, StringRef message) {
  auto isRefused = [](Type type) {
    return isa<FloatType>(getElementTypeOrSelf(type));
  };
  WalkResult result = module.walk([&](Operation *op) {
    if (llvm::none_of(op->getOperandTypes(), isRefused) &&
        llvm::none_of(op->getResultTypes(), isRefused))
      return WalkResult::advance();
    op->emitError(message);
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// Converts the operations of every function, in parallel; functions, calls
/// and returns stay. Casts that the latter need remain.
LogicalResult convertBodies(ModuleOp module, LLVMTypeConverter &converter) {
  MLIRContext *context = module.getContext();
  RewritePatternSet patterns(context);
  patterns.add<MoveBoolVector<vector::LoadOp>, MoveBoolVector<vector::StoreOp>>(
      converter, /*benefit=*/10);
  populateGroupViewToLLVMPatterns(converter, patterns);
  populateLoadWordToLLVMPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  index::populateIndexToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  populateOpenMPToLLVMConversionPatterns(converter, patterns);
  FrozenRewritePatternSet frozen(std::move(patterns));
  LLVMConversionTarget legal(*context);
  configureOpenMPToLLVMConversionLegality(legal, converter);
  legal.addLegalDialect<func::FuncDialect>();
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  return failableParallelForEach(
      context, functions, [&](func::FuncOp function) {
        return applyFullConversion(function, legal, frozen);
      });
}

LogicalResult convert(ModuleOp module, const TargetDescription &target,
                      StringRef dataLayout) {
  MLIRContext *context = module.getContext();
  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  options.overrideIndexBitwidth(target.indexBits);
  options.allocLowering = LowerToLLVMOptions::AllocLowering::None;
  if (!dataLayout.empty())
    options.dataLayout = llvm::DataLayout(dataLayout);
  LLVMTypeConverter converter(context, options);
  if (failed(convertBodies(module, converter)))
    return failure();

  RewritePatternSet patterns(context);
  populateFuncToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter,
                                                 patterns); // globals
  LLVMConversionTarget legal(*context);
  configureOpenMPToLLVMConversionLegality(legal, converter);
  legal.addLegalOp<ModuleOp, UnrealizedConversionCastOp>();
  if (failed(applyFullConversion(module, legal, std::move(patterns))))
    return failure();
  SmallVector<UnrealizedConversionCastOp> casts;
  module.walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  reconcileUnrealizedCasts(casts);
  return success();
}

struct LowerToLLVM : impl::LowerToLLVMBase<LowerToLLVM> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    TargetDescription target = TargetDescription::of(module);
    auto created =
        createTargetMachine(target, [&] { return module.emitError(); });
    if (failed(created))
      return signalPassFailure();
    std::unique_ptr<llvm::TargetMachine> machine = std::move(*created);

    std::string dataLayout =
        machine->createDataLayout().getStringRepresentation();
    for (auto func : module.getOps<func::FuncOp>())
      if (func.isPrivate() && !func.isExternal())
        func->setAttr(
            "llvm.linkage",
            LLVM::LinkageAttr::get(&getContext(), LLVM::Linkage::Internal));
    auto run = [this](OpPassManager &pm, Operation *op) {
      return runPipeline(pm, op);
    };
    Abilities abilities(*machine, target);
    if (abilities.noDoubles &&
        failed(refuse<Float64Type>(module,
                                   "needs f64, but the target has only f32")))
      return signalPassFailure();
    if (!abilities.halves &&
        failed(refuse<Float16Type>(
            module, "needs f16, for which the target has no instructions")))
      return signalPassFailure();
    if (failed(expandMath(module, target, abilities)) ||
        failed(lowerVectors(module, target)) ||
        failed(runPreparation(module, run)) ||
        failed(convert(module, target, dataLayout)))
      return signalPassFailure();

    Builder b(&getContext());
    module->setAttr(LLVM::LLVMDialect::getDataLayoutAttrName(),
                    b.getStringAttr(dataLayout));
    module->setAttr(LLVM::LLVMDialect::getTargetTripleAttrName(),
                    b.getStringAttr(machine->getTargetTriple().str()));
  }
};

} // namespace
} // namespace mlir::pock
