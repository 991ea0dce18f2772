//===- ObjectEmitter.cpp - LLVM-dialect module -> object code -------------===//
//
// Translates to LLVM IR, runs LLVM's O2 pipeline without its vectorizers (the
// kernels are vector code already; this keeps compile time in bounds and
// arithmetic identical on all targets), and emits code. Many functions are
// dealt to several modules, of which each thread takes one at a time; how many
// there are depends on the module alone.
//
//===----------------------------------------------------------------------===//

#include "Pock/Target/ObjectEmitter.h"
#include "Pock/Codegen/TargetDescription.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Utils/SplitModule.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// An LLVM module with the machine that it is for.
struct Translated {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

void initializeTargets() {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  llvm::InitializeAllAsmParsers();
}

/// Whether there is no system that loads a program to some address.
bool isBareMetal(const llvm::Triple &triple) {
  return triple.getOS() == llvm::Triple::UnknownOS;
}

/// Creates the machine of `out`; says in `error` why it cannot.
LogicalResult createMachine(const TargetDescription &target, Translated &out,
                            std::string &error) {
  llvm::Triple triple(target.triple.empty()
                          ? llvm::sys::getDefaultTargetTriple()
                          : target.triple);
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend) {
    error = "no LLVM back end: " + error;
    return failure();
  }
  llvm::TargetOptions options;
  // Kernels that are not called can be dropped by the linker.
  options.FunctionSections = true;
  options.DataSections = true;
  // Read and removed again by who links.
  options.EmitStackSizeSection = true;
  out.machine.reset(backend->createTargetMachine(
      triple, target.cpu, target.features, options,
      isBareMetal(triple) ? llvm::Reloc::Static : llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
  if (!out.machine) {
    error = "LLVM cannot create a machine for '" + triple.str() + "'";
    return failure();
  }
  out.module->setTargetTriple(triple);
  out.module->setDataLayout(out.machine->createDataLayout());
  if (!isBareMetal(triple))
    out.module->setPICLevel(llvm::PICLevel::BigPIC);
  return success();
}

std::string toBitcode(const llvm::Module &module) {
  std::string bitcode;
  llvm::raw_string_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(module, stream);
  return bitcode;
}

InFlightDiagnostic emitInvalid(ModuleOp module) {
  return module.emitError("LLVM's optimizer makes an invalid module of this");
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
    // Flash is dear, and kernels are unrolled already as far as pays.
    if (isBareMetal(module.getTargetTriple()))
      function.addFnAttr(llvm::Attribute::OptimizeForSize);
    // A kernel inlined into the list of launches gains nothing and makes one
    // huge function of all of them.
    if (function.hasLocalLinkage())
      function.addFnAttr(llvm::Attribute::NoInline);
  }
}

/// Functions that a pass of LLVM breaks; see `optimize`.
using Broken = llvm::StringSet<>;

/// Runs LLVM's pipeline, without scalar replacement (SROA) in functions of
/// `spared`; returns the functions that are invalid afterwards. SROA of LLVM 22
/// merges stores to one array into vectors that use values before they are
/// defined (llvm/llvm-project#189680 mends it).
Broken runPipeline(llvm::Module &module, llvm::TargetMachine &machine,
                   const Broken &spared) {
  Broken broken;
  llvm::PassInstrumentationCallbacks callbacks;
  // No other pass is to see an invalid function.
  callbacks.registerShouldRunOptionalPassCallback([&](StringRef pass,
                                                      llvm::Any ir) {
    auto *function = llvm::any_cast<const llvm::Function *>(&ir);
    return !function ||
           (!broken.contains((*function)->getName()) &&
            (pass != "SROAPass" || !spared.contains((*function)->getName())));
  });
  callbacks.registerAfterPassCallback(
      [&](StringRef pass, llvm::Any ir, const llvm::PreservedAnalyses &) {
        auto *function = llvm::any_cast<const llvm::Function *>(&ir);
        if (function && pass == "SROAPass" && llvm::verifyFunction(**function))
          broken.insert((*function)->getName());
      });
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.LoopUnrolling = true;
  llvm::PassBuilder builder(&machine, tuning, std::nullopt, &callbacks);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder
      .buildPerModuleDefaultPipeline(isBareMetal(module.getTargetTriple())
                                         ? llvm::OptimizationLevel::Os
                                         : llvm::OptimizationLevel::O2)
      .run(module, modules);
  for (llvm::Function &function : module)
    if (llvm::verifyFunction(function))
      broken.insert(function.getName());
  return broken;
}

/// Optimises a module; false if LLVM makes an invalid one of it.
bool optimize(Translated &code) {
  std::string bitcode = toBitcode(*code.module);
  Broken broken = runPipeline(*code.module, *code.machine, {});
  if (broken.empty())
    return true;
  code.module = llvm::cantFail(llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(bitcode, "pock"), code.context));
  return runPipeline(*code.module, *code.machine, broken).empty();
}

LogicalResult translate(ModuleOp module, const TargetDescription &target,
                        bool optimized, Translated &out) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  out.module = translateModuleToLLVMIR(module, out.context, "pock");
  if (!out.module)
    return module.emitError("expected a module in the LLVM dialect");
  initializeTargets();
  std::string error;
  if (failed(createMachine(target, out, error)))
    return module.emitError(error);
  annotateFunctions(*out.module, target);
  if (optimized && !optimize(out))
    return emitInvalid(module);
  return success();
}

/// Object code or assembly of an optimised module; false if the back end cannot
/// emit this kind of file.
bool emitFile(Translated &code, llvm::CodeGenFileType type,
              std::string &bytes) {
  llvm::SmallString<0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (code.machine->addPassesToEmitFile(passes, stream, nullptr, type))
    return false;
  passes.run(*code.module);
  bytes = std::string(buffer);
  return true;
}

InFlightDiagnostic emitUnsupportedFile(ModuleOp module) {
  return module.emitError("the LLVM back end cannot emit this kind of file");
}

/// Functions that are worth a part of their own, and how many parts there are
/// at most.
constexpr size_t kFunctionsPerPart = 16, kMostParts = 4;

/// The module as bitcode, in parts. What they call of each other is hidden
/// instead of internal.
std::vector<std::string> split(llvm::Module &module, size_t count) {
  std::vector<std::string> parts;
  llvm::SplitModule(
      module, count,
      [&](std::unique_ptr<llvm::Module> part) {
        parts.push_back(toBitcode(*part));
      },
      /*PreserveLocals=*/false, /*RoundRobin=*/true);
  return parts;
}

/// Object code of one part.
bool emitPart(StringRef bitcode, const TargetDescription &target,
              std::string &object) {
  Translated part;
  auto parsed = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "pock"),
                                       part.context);
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return false;
  }
  part.module = std::move(*parsed);
  std::string error;
  if (failed(createMachine(target, part, error)))
    return false;
  return optimize(part) &&
         emitFile(part, llvm::CodeGenFileType::ObjectFile, object);
}

} // namespace

FailureOr<std::vector<std::string>> emitObjects(ModuleOp module) {
  FailureOr<TargetDescription> target = TargetDescription::get(module);
  Translated whole;
  if (failed(target) ||
      failed(translate(module, *target, /*optimized=*/false, whole)))
    return failure();
  size_t functions =
      llvm::count_if(*whole.module, [](llvm::Function &function) {
        return !function.isDeclaration();
      });
  size_t count = std::min(kMostParts, functions / kFunctionsPerPart);
  if (count < 2) {
    if (!optimize(whole))
      return emitInvalid(module);
    std::vector<std::string> objects(1);
    if (!emitFile(whole, llvm::CodeGenFileType::ObjectFile, objects.front()))
      return emitUnsupportedFile(module);
    return objects;
  }
  std::vector<std::string> parts = split(*whole.module, count);
  std::vector<std::string> objects(parts.size());
  std::vector<char> done(parts.size());
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(parts.size()));
  for (size_t i = 0; i < parts.size(); ++i)
    pool.async([&, i] { done[i] = emitPart(parts[i], *target, objects[i]); });
  pool.wait();
  if (llvm::is_contained(done, 0))
    return emitUnsupportedFile(module);
  return objects;
}

FailureOr<std::string> emitData(ModuleOp module, ArrayRef<DataSymbol> symbols) {
  FailureOr<TargetDescription> target = TargetDescription::get(module);
  if (failed(target))
    return failure();
  initializeTargets();
  Translated data;
  data.module = std::make_unique<llvm::Module>("pock", data.context);
  std::string error;
  if (failed(createMachine(*target, data, error)))
    return module.emitError(error);
  for (const DataSymbol &symbol : symbols) {
    StringRef bytes =
        symbol.bytes.empty() ? StringRef("\0", 1) : StringRef(symbol.bytes);
    llvm::Constant *content = llvm::ConstantDataArray::getRaw(
        bytes, bytes.size(), llvm::Type::getInt8Ty(data.context));
    auto *array = new llvm::GlobalVariable(
        *data.module, content->getType(), /*isConstant=*/true,
        llvm::GlobalValue::ExternalLinkage, content, symbol.name);
    array->setAlignment(llvm::Align(target->alignment));
    array->setSection(".rodata." + symbol.name);
  }
  std::string object;
  if (!emitFile(data, llvm::CodeGenFileType::ObjectFile, object))
    return emitUnsupportedFile(module);
  return object;
}

FailureOr<std::string> emitAssembly(ModuleOp module) {
  FailureOr<TargetDescription> target = TargetDescription::get(module);
  Translated translated;
  if (failed(target) ||
      failed(translate(module, *target, /*optimized=*/true, translated)))
    return failure();
  std::string text;
  if (!emitFile(translated, llvm::CodeGenFileType::AssemblyFile, text))
    return emitUnsupportedFile(module);
  return text;
}

FailureOr<std::string> emitLLVMIR(ModuleOp module, bool optimize) {
  FailureOr<TargetDescription> target = TargetDescription::get(module);
  Translated translated;
  if (failed(target) ||
      failed(translate(module, *target, optimize, translated)))
    return failure();
  std::string text;
  llvm::raw_string_ostream stream(text);
  translated.module->print(stream, nullptr);
  return text;
}

} // namespace mlir::pock
