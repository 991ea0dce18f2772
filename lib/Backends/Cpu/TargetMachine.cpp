//===- TargetMachine.cpp - LLVM's machine for a target --------------------===//

#include "TargetMachine.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::pock;

/// Whether this back end supports the processor. LLVM also has back ends for
/// processors that crash on loops over vectors or miscompile them (GPUs), and
/// for untested ones (Hexagon).
static bool isServed(const llvm::Triple &triple) {
  return triple.isX86() || triple.isARM() || triple.isThumb() ||
         triple.isAArch64() || triple.isRISCV();
}

/// Registers the back ends of LLVM that `isServed` accepts, and no others,
/// because a static program would contain them. Once, because several threads
/// create machines.
static void initializeTargets() {
  [[maybe_unused]] static const bool done = [] {
#define POCK_INITIALIZE(NAME)                                                  \
  LLVMInitialize##NAME##TargetInfo();                                          \
  LLVMInitialize##NAME##Target();                                              \
  LLVMInitialize##NAME##TargetMC();                                            \
  LLVMInitialize##NAME##AsmPrinter();                                          \
  LLVMInitialize##NAME##AsmParser();
    POCK_INITIALIZE(AArch64)
    POCK_INITIALIZE(ARM)
    POCK_INITIALIZE(RISCV)
    POCK_INITIALIZE(X86)
#undef POCK_INITIALIZE
    return true;
  }();
}

llvm::Triple pock::tripleOf(const TargetDescription &target) {
  return llvm::Triple(target.triple.empty()
                          ? llvm::sys::getDefaultTargetTriple()
                          : target.triple);
}

/// The processor of `target`; null if LLVM does not know it.
static std::unique_ptr<llvm::MCSubtargetInfo>
createProcessor(const TargetDescription &target) {
  initializeTargets();
  llvm::Triple triple = tripleOf(target);
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return nullptr;
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      backend->createMCSubtargetInfo(triple, target.cpu, target.features));
}

bool pock::hasFeatures(const TargetDescription &target,
                       ArrayRef<StringLiteral> features) {
  auto processor = createProcessor(target);
  return processor && processor->checkFeatures(llvm::join(features, ","));
}

SmallVector<std::string> pock::listFeatures(const TargetDescription &target) {
  SmallVector<std::string> names;
  if (auto processor = createProcessor(target))
    for (const llvm::SubtargetFeatureKV &feature :
         processor->getEnabledProcessorFeatures())
      names.push_back(feature.Key);
  return names;
}

StringRef pock::floatUnitOf(const TargetDescription &target) {
  llvm::Triple triple = tripleOf(target);
  if (!target.bareMetal)
    return "";
  if (triple.isARM() || triple.isThumb()) {
    if (hasFeatures(target, {"+mve"}))
      return "FPU and Helium";
    return hasFeatures(target, {"+fpregs"}) ? "FPU" : "";
  }
  return triple.isRISCV() && hasFeatures(target, {"+f"}) ? "FPU" : "";
}

llvm::Error pock::checkTriple(const TargetDescription &target) {
  llvm::Triple triple = tripleOf(target);
  if (triple.getArch() == llvm::Triple::UnknownArch)
    return llvm::createStringError("LLVM does not know the processor of '" +
                                   triple.str() + "'");
  if (!isServed(triple))
    return llvm::createStringError("expected a triple of an x86, Arm, AArch64 "
                                   "or RISC-V processor, but got '" +
                                   triple.str() + "'");
  return llvm::Error::success();
}

FailureOr<std::unique_ptr<llvm::TargetMachine>>
pock::createTargetMachine(const TargetDescription &target,
                          function_ref<InFlightDiagnostic()> emitError) {
  if (llvm::Error error = checkTriple(target))
    return emitError() << llvm::toString(std::move(error));
  initializeTargets();
  llvm::Triple triple = tripleOf(target);
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  llvm::TargetOptions options;
  // The linker can remove kernels that are not called.
  options.FunctionSections = true;
  options.DataSections = true;
  // The step that links the code reads this section, and removes it.
  options.EmitStackSizeSection = true;
  std::unique_ptr<llvm::TargetMachine> machine(backend->createTargetMachine(
      triple, target.cpu, target.features, options,
      target.bareMetal ? llvm::Reloc::Static : llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default));
  if (!machine)
    return emitError() << "LLVM cannot create a machine for '" << triple.str()
                       << "'";
  return machine;
}
