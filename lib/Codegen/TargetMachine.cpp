//===- TargetMachine.cpp - LLVM's machine for a target --------------------===//

#include "Pock/Codegen/TargetMachine.h"

#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::pock;

/// Whether kernels of scalar and vector loops run on the processor. LLVM has
/// back ends for others, which die of such code or compile it wrong.
static bool isServed(const llvm::Triple &triple) {
  return triple.isX86() || triple.isARM() || triple.isThumb() ||
         triple.isAArch64() || triple.isRISCV() ||
         triple.getArch() == llvm::Triple::hexagon;
}

/// Registers LLVM's back ends, once: several threads make machines.
static void initializeTargets() {
  [[maybe_unused]] static const bool done = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
    return true;
  }();
}

FailureOr<std::unique_ptr<llvm::TargetMachine>>
pock::createTargetMachine(const TargetDescription &target,
                          function_ref<InFlightDiagnostic()> emitError) {
  llvm::Triple triple(target.triple.empty()
                          ? llvm::sys::getDefaultTargetTriple()
                          : target.triple);
  initializeTargets();
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return emitError() << "no LLVM back end for the triple '" << triple.str()
                       << "'";
  if (!isServed(triple))
    return emitError() << "expected a triple of an x86, Arm, AArch64, RISC-V "
                          "or Hexagon processor, but got '"
                       << triple.str() << "'";
  llvm::TargetOptions options;
  // Kernels that are not called can be dropped by the linker.
  options.FunctionSections = true;
  options.DataSections = true;
  // The linking step reads this section and removes it.
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
