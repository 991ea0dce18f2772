//===- ObjectEmitter.cpp - LLVM-dialect module -> object code -------------===//
//
// Translates to LLVM IR, runs LLVM's O2 pipeline without its vectorizers (the
// kernels are vector code already; this keeps compile time in bounds and
// arithmetic identical on all targets), and emits code.
//
//===----------------------------------------------------------------------===//

#include "Pock/Target/ObjectEmitter.h"
#include "Pock/Codegen/TargetDescription.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// An LLVM module with the machine that it is for.
struct Translated {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

LogicalResult createMachine(ModuleOp module, const TargetDescription &target,
                            Translated &out) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  llvm::InitializeAllAsmParsers();
  llvm::Triple triple(target.triple.empty()
                          ? llvm::sys::getDefaultTargetTriple()
                          : target.triple);
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return module.emitError("no LLVM back end: ") << error;
  llvm::TargetOptions options;
  // Kernels that are not called can be dropped by the linker.
  options.FunctionSections = true;
  out.machine.reset(backend->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
  if (!out.machine)
    return module.emitError("LLVM cannot create a machine for '")
           << triple.str() << "'";
  out.module->setTargetTriple(triple);
  out.module->setDataLayout(out.machine->createDataLayout());
  out.module->setPICLevel(llvm::PICLevel::BigPIC);
  return success();
}

/// CPU, features and tuning as function attributes, as clang writes them.
void annotateFunctions(llvm::Module &module, const TargetDescription &target) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (!target.cpu.empty())
      function.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty())
      function.addFnAttr("target-features", target.features);
    if (target.vectorBytes >= 16)
      function.addFnAttr("prefer-vector-width",
                         std::to_string(target.vectorBytes * 8));
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // A kernel inlined into the list of launches gains nothing and makes one
    // huge function of all of them.
    if (function.hasLocalLinkage())
      function.addFnAttr(llvm::Attribute::NoInline);
  }
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.LoopUnrolling = true;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

LogicalResult translate(ModuleOp module, bool optimized, Translated &out) {
  FailureOr<TargetDescription> target = TargetDescription::get(module);
  if (failed(target))
    return failure();
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  out.module = translateModuleToLLVMIR(module, out.context, "pock");
  if (!out.module)
    return module.emitError("expected a module in the LLVM dialect");
  if (failed(createMachine(module, *target, out)))
    return failure();
  annotateFunctions(*out.module, *target);
  if (optimized)
    optimize(*out.module, *out.machine);
  return success();
}

FailureOr<std::string> emitFile(ModuleOp module, llvm::CodeGenFileType type) {
  Translated translated;
  if (failed(translate(module, /*optimized=*/true, translated)))
    return failure();
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (translated.machine->addPassesToEmitFile(passes, stream, nullptr, type)) {
    module.emitError("the LLVM back end cannot emit this kind of file");
    return failure();
  }
  passes.run(*translated.module);
  return std::string(bytes);
}

} // namespace

FailureOr<std::string> emitObject(ModuleOp module) {
  return emitFile(module, llvm::CodeGenFileType::ObjectFile);
}

FailureOr<std::string> emitAssembly(ModuleOp module) {
  return emitFile(module, llvm::CodeGenFileType::AssemblyFile);
}

FailureOr<std::string> emitLLVMIR(ModuleOp module, bool optimize) {
  Translated translated;
  if (failed(translate(module, optimize, translated)))
    return failure();
  std::string text;
  llvm::raw_string_ostream stream(text);
  translated.module->print(stream, nullptr);
  return text;
}

} // namespace mlir::pock
