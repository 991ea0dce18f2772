//===- ObjectEmitter.cpp - LLVM-dialect module -> object code -------------===//
//
// Translates to LLVM IR, runs LLVM's O2 pipeline without its vectorizers, and
// emits code. Kernels are vector code already: skipping the vectorizers limits
// compile time, and keeps arithmetic identical on all targets. A module with
// many functions is split into parts, which threads compile in parallel. The
// number of parts only depends on the module. Functions of a runtime library
// that the code of a microcontroller calls are one more part.
//
//===----------------------------------------------------------------------===//

#include "ObjectEmitter.h"
#include "FixedPointConversions.h"
#include "RuntimeLibrary.h"
#include "TargetMachine.h"
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
#include "llvm/IR/OptBisect.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Transforms/Utils/SplitModule.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// An LLVM module with its target machine.
struct Translated {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// Sets the machine of `out` to that of `target`; errors are emitted at
/// `module`.
LogicalResult createMachine(ModuleOp module, const TargetDescription &target,
                            Translated &out) {
  auto machine =
      createTargetMachine(target, [&] { return module.emitError(); });
  if (failed(machine))
    return failure();
  out.machine = std::move(*machine);
  out.module->setTargetTriple(out.machine->getTargetTriple());
  out.module->setDataLayout(out.machine->createDataLayout());
  // (A part of a module has this flag already; duplicates are invalid.)
  if (!target.bareMetal && !out.module->getModuleFlag("PIC Level"))
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

/// Adds CPU and features as function attributes, like clang.
void annotateProcessor(llvm::Module &module, const TargetDescription &target) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (!target.cpu.empty())
      function.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty())
      function.addFnAttr("target-features", target.features);
  }
}

/// Adds the attributes of kernels and of functions that launch them.
void annotateFunctions(llvm::Module &module, const TargetDescription &target) {
  annotateProcessor(module, target);
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (target.vectorBytes >= 16)
      function.addFnAttr("prefer-vector-width",
                         std::to_string(target.vectorBytes * 8));
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // Kernels are already unrolled where it pays.
    if (target.prefersSize())
      function.addFnAttr(llvm::Attribute::OptimizeForSize);
    // Inlining kernels into the list of launches gains nothing, and would build
    // one huge function.
    if (function.hasLocalLinkage())
      function.addFnAttr(llvm::Attribute::NoInline);
  }
}

/// Functions that a pass of LLVM makes invalid; see `optimize`.
using Broken = llvm::StringSet<>;

/// Passes that take a third of the pipeline's time, and change the speed of
/// kernels by less than can be measured: kernels call nothing, branch on
/// counters only, and are unrolled already. (Where size matters, they all run.)
constexpr StringLiteral kOfNoUse[] = {
    "BDCEPass",
    "CalledValuePropagationPass",
    "ConstraintEliminationPass",
    "CorrelatedValuePropagationPass",
    "DSEPass",
    "GlobalOptPass",
    "IPSCCPPass",
    "InlinerPass",
    "JumpThreadingPass",
    "LoopDistributePass",
    "LoopLoadEliminationPass",
    "LoopUnrollPass",
    "MemCpyOptPass",
    "PostOrderFunctionAttrsPass",
    "SCCPPass",
    "TailCallElimPass",
};

/// Runs LLVM's pipeline, without scalar replacement (SROA) in functions of
/// `spared`; returns the functions that are invalid afterwards. SROA of LLVM 22
/// merges stores to one array into vectors that use values before they are
/// defined (fixed by llvm/llvm-project#189680).
Broken runPipeline(Translated &code, const TargetDescription &target,
                   const Broken &spared) {
  Broken broken;
  llvm::PassInstrumentationCallbacks callbacks;
  // No other pass may see an invalid function.
  callbacks.registerShouldRunOptionalPassCallback([&](StringRef pass,
                                                      llvm::Any ir) {
    if (!target.prefersSize() && llvm::is_contained(kOfNoUse, pass))
      return false;
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
  llvm::PassBuilder builder(code.machine.get(), tuning, std::nullopt,
                            &callbacks);
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
      .buildPerModuleDefaultPipeline(target.prefersSize()
                                         ? llvm::OptimizationLevel::Os
                                         : llvm::OptimizationLevel::O2)
      .run(*code.module, modules);
  for (llvm::Function &function : *code.module)
    if (llvm::verifyFunction(function))
      broken.insert(function.getName());
  return broken;
}

/// Optimises a module, of which `bitcode` is a copy; false if the result of
/// LLVM is invalid.
bool optimize(Translated &code, const TargetDescription &target,
              StringRef bitcode) {
  Broken broken = runPipeline(code, target, {});
  if (broken.empty())
    return true;
  code.module = llvm::cantFail(llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(bitcode, "pock"), code.context));
  return runPipeline(code, target, broken).empty();
}

LogicalResult translate(ModuleOp module, const TargetDescription &target,
                        Translated &out) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  out.module = translateModuleToLLVMIR(module, out.context, "pock");
  if (!out.module)
    return module.emitError("expected a module in the LLVM dialect");
  if (failed(createMachine(module, target, out)))
    return failure();
  annotateFunctions(*out.module, target);
  return success();
}

/// Lets the code be linked with code of every convention for floats: functions
/// that other code calls have pointers as arguments. (Tag_ABI_VFP_args of Arm's
/// "ABI addenda": 3 is "compatible with all". LLVM writes the convention of the
/// triple; what assembly says replaces it.)
void allowAnyFloatConvention(Translated &code) {
  const llvm::Triple &triple = code.machine->getTargetTriple();
  if ((triple.isARM() || triple.isThumb()) && isBareMetal(triple.str()))
    code.module->setModuleInlineAsm(".eabi_attribute 28, 3");
}

/// Leaves out passes of the code generator that take a third of its time, and
/// change the speed of kernels by less than can be measured: the addresses of
/// kernels are counters and constants already, and processors order
/// instructions themselves.
class FastGate : public llvm::OptPassGate {
public:
  bool isEnabled() const override { return true; }
  bool shouldRunPass(StringRef pass, StringRef) const override {
    return pass != "Loop Strength Reduction" &&
           pass != "Post RA top-down list latency scheduler";
  }
};

/// Object code of an optimised module; false if the back end cannot emit it.
bool emitObject(Translated &code, const TargetDescription &target,
                std::string &bytes) {
  useFixedPointIntrinsics(*code.module, target);
  allowAnyFloatConvention(code);
  FastGate gate;
  // (Only measured on x86, which has addresses with two registers.)
  if (!target.prefersSize() && tripleOf(target).isX86())
    code.context.setOptPassGate(gate);
  llvm::SmallString<0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (code.machine->addPassesToEmitFile(passes, stream, nullptr,
                                        llvm::CodeGenFileType::ObjectFile))
    return false;
  passes.run(*code.module);
  bytes = std::string(buffer);
  return true;
}

InFlightDiagnostic emitNoObject(ModuleOp module) {
  return module.emitError("the LLVM back end cannot emit object files");
}

/// The minimum number of functions of a part, and the maximum number of parts.
constexpr size_t kFunctionsPerPart = 16, kMostParts = 4;

/// Splits the module into parts, and calls a function with the bitcode of each.
/// Functions that other parts call become hidden instead of internal.
void split(llvm::Module &module, size_t count,
           llvm::function_ref<void(std::string bitcode)> receive) {
  llvm::SplitModule(
      module, count,
      [&](std::unique_ptr<llvm::Module> part) { receive(toBitcode(*part)); },
      /*PreserveLocals=*/false, /*RoundRobin=*/true);
}

/// Object code of one part.
bool emitPart(ModuleOp module, StringRef bitcode,
              const TargetDescription &target, std::string &object) {
  Translated part;
  auto parsed = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "pock"),
                                       part.context);
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return false;
  }
  part.module = std::move(*parsed);
  if (failed(createMachine(module, target, part)))
    return false;
  if (!optimize(part, target, bitcode)) {
    emitInvalid(module);
    return false;
  }
  return emitObject(part, target, object);
}

/// Object code of the module itself, in parts.
FailureOr<Binaries> emitModule(ModuleOp module,
                               const TargetDescription &target) {
  Translated whole;
  if (failed(translate(module, target, whole)))
    return failure();
  size_t functions =
      llvm::count_if(*whole.module, [](llvm::Function &function) {
        return !function.isDeclaration();
      });
  size_t count = std::min(kMostParts, functions / kFunctionsPerPart);
  if (count < 2) {
    if (!optimize(whole, target, toBitcode(*whole.module)))
      return emitInvalid(module);
    std::vector<std::string> objects(1);
    if (!emitObject(whole, target, objects.front()))
      return emitNoObject(module);
    return objects;
  }
  std::vector<std::string> objects(count);
  std::vector<char> done(count);
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(count));
  // Threads begin with the first parts while the others are split off.
  split(*whole.module, count, [&, i = size_t(0)](std::string bitcode) mutable {
    pool.async([&, i, bitcode = std::move(bitcode)] {
      done[i] = emitPart(module, bitcode, target, objects[i]);
    });
    ++i;
  });
  pool.wait();
  if (llvm::is_contained(done, 0))
    return emitNoObject(module);
  return objects;
}

/// Object code of the runtime's functions `names`.
FailureOr<std::optional<std::string>>
emitRuntime(ModuleOp module, const TargetDescription &target,
            const std::set<std::string> &names) {
  Translated runtime;
  runtime.module = loadRuntimeFunctions(target, names, runtime.context);
  if (!runtime.module)
    return std::optional<std::string>();
  if (failed(createMachine(module, target, runtime)))
    return failure();
  annotateProcessor(*runtime.module, target);
  std::string object;
  if (!runPipeline(runtime, target, {}).empty())
    return emitInvalid(module);
  if (!emitObject(runtime, target, object))
    return emitNoObject(module);
  return std::optional(object);
}

/// Adds the runtime's functions that the objects call. These may call others,
/// which the next turn adds.
LogicalResult addRuntime(ModuleOp module, const TargetDescription &target,
                         Binaries &objects) {
  std::set<std::string> names = undefinedSymbols(objects);
  for (;;) {
    auto runtime = emitRuntime(module, target, names);
    if (failed(runtime))
      return failure();
    if (!*runtime)
      return success();
    size_t before = names.size();
    names.merge(undefinedSymbols(**runtime));
    if (names.size() > before)
      continue;
    objects.push_back(std::move(**runtime));
    return success();
  }
}

} // namespace

FailureOr<Binaries> emitObjects(ModuleOp module) {
  TargetDescription target = TargetDescription::of(module);
  FailureOr<Binaries> objects = emitModule(module, target);
  if (failed(objects) ||
      (target.bareMetal && failed(addRuntime(module, target, *objects))))
    return failure();
  return objects;
}

FailureOr<std::string> emitDataObject(ModuleOp module,
                                      ArrayRef<DataSymbol> symbols) {
  TargetDescription target = TargetDescription::of(module);
  Translated data;
  data.module = std::make_unique<llvm::Module>("pock", data.context);
  if (failed(createMachine(module, target, data)))
    return failure();
  for (const DataSymbol &symbol : symbols) {
    StringRef bytes =
        symbol.bytes.empty() ? StringRef("\0", 1) : StringRef(symbol.bytes);
    llvm::Constant *content = llvm::ConstantDataArray::getRaw(
        bytes, bytes.size(), llvm::Type::getInt8Ty(data.context));
    auto *array = new llvm::GlobalVariable(
        *data.module, content->getType(), /*isConstant=*/true,
        llvm::GlobalValue::ExternalLinkage, content, symbol.name);
    array->setAlignment(llvm::Align(target.alignment));
    array->setSection(".rodata." + symbol.name);
  }
  std::string object;
  if (!emitObject(data, target, object))
    return emitNoObject(module);
  return object;
}

} // namespace mlir::pock
