//===- CpuBackend.cpp - Processors that LLVM generates code for -----------===//

#include "Pock/Backends/Cpu/CpuBackend.h"

#include "Isa/ByteInstructions.h"
#include "Isa/GroupProduct.h"
#include "ObjectEmitter.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/Backends/Shared/Passes.h"
#include "Pock/Conversion/Passes.h"
#include "Pock/Target/TargetBackend.h"
#include "TargetMachine.h"
#include "Tiles.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
class CpuBackend : public TargetBackend {
public:
  StringRef getName() const override { return "cpu"; }

  llvm::Error accepts(TargetAttr target) const override {
    return checkTriple(TargetDescription::of(target));
  }

  TargetLimits getLimits(TargetAttr attr) const override {
    TargetDescription target = TargetDescription::of(attr);
    TargetLimits limits;
    limits.alignment = target.alignment;
    limits.indexBits = target.indexBits;
    // The caller and the runtime's functions use the rest.
    limits.stackBytes = target.stackBytes / 16;
    limits.workingBytes = target.l2Bytes;
    limits.threads = target.threads != 1;
    // Their memory images are made by the compiler's host.
    limits.preparedAhead = getRunForm(attr) == RunForm::Object;
    return limits;
  }

  RunForm getRunForm(TargetAttr target) const override {
    return isBareMetal(target.getTriple()) ? RunForm::Object : RunForm::Library;
  }

  int64_t getKernelZeroPoint(TargetAttr attr, int64_t terms,
                             int64_t zero) const override {
    TargetDescription target = TargetDescription::of(attr);
    // They are subtracted while bytes are widened, or once per channel.
    if (findByteInstructions(target))
      return zero;
    return getZeroPointOfGroups(target, terms, zero);
  }

  /// Vectors run along the sums.
  Layout getLayoutOfBytes(TargetAttr attr) const override {
    return hasGroupsOfBytes(TargetDescription::of(attr))
               ? Layout::ChannelsLast
               : Layout::ChannelsLastOhwi;
  }

  StringRef getUnit(TargetAttr attr) const override {
    return floatUnitOf(TargetDescription::of(attr));
  }

  SmallVector<std::string> getFeatures(TargetAttr attr) const override {
    return listFeatures(TargetDescription::of(attr));
  }

  void getDependentDialects(DialectRegistry &registry) const override {
    // The pipelines are the same for all targets.
    OpPassManager passes(ModuleOp::getOperationName());
    buildKernelPipeline(passes, {}, {});
    buildCodePipeline(passes, {});
    passes.getDependentDialects(registry);
  }

  void buildKernelPipeline(OpPassManager &pm, TargetAttr,
                           const KernelOptions &options) const override {
    // Algorithms are chosen on pock ops, before they become loops.
    SelectAlgorithmsOptions algorithms;
    algorithms.winograd = options.winograd;
    pm.addPass(createSelectAlgorithms(algorithms));
    pm.addNestedPass<func::FuncOp>(createConvertPockToLinalg());
    pm.addPass(createBufferizeKernels());
    // Folds subviews of subviews and copies of a buffer to itself. That removes
    // unneeded scratch before scratch is placed. (Functions in parallel.)
    pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
    pm.addNestedPass<func::FuncOp>(createCSEPass());
    pm.addPass(createPackWords());
    // Before padded copies are folded, because they need no padded copy.
    pm.addPass(createFuseByteLayers());
    pm.addPass(createDepthwiseBytes());
    pm.addPass(createTileBytes());
    pm.addPass(createSplitChannels());
    pm.addPass(createFoldPadding());
    pm.addPass(createNarrowScratch());
    pm.addPass(createWriteResults());
    pm.addPass(createTileProducts());
    // Before operands are packed, so that their copies consist of groups.
    pm.addPass(createGroupProducts());
    pm.addPass(createFloatSums());
    // The next pass shrinks the copies to panels.
    pm.addPass(createPackOperands());
    pm.addPass(createLocalizeScratch());
    pm.addPass(createBlockReductions());
    // Last, when every temporary has its final size.
    pm.addPass(createPlaceScratch());
  }

  void buildCodePipeline(OpPassManager &pm, TargetAttr) const override {
    // While `@init` has the name that all models give it.
    pm.addPass(createCheckFpu());
    pm.addPass(createLaunchToCall());
    pm.addPass(createVectorizeKernels());
    pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
    pm.addNestedPass<func::FuncOp>(createCSEPass());
    pm.addPass(createLowerToLLVM());
    pm.addPass(createLoadMultiple());
    pm.addPass(createMergeKernels());
    // Needs the LLVM dialect, because the values that a region uses become a
    // structure.
    pm.addPass(createOutlineParallel());
  }

  FailureOr<Binaries> emit(ModuleOp module) const override {
    return emitObjects(module);
  }

  FailureOr<std::string> emitData(ModuleOp module,
                                  ArrayRef<DataSymbol> symbols) const override {
    return emitDataObject(module, symbols);
  }

  TargetAttr getHostTarget(MLIRContext *context) const override {
    return hostTargetAttr(context);
  }

  /// CPU and vector size in readable form, and a hash of all properties that
  /// affect the speed of code: `znver4-64-1f09a3c2`.
  std::string getTuningKey(TargetAttr attr) const override {
    TargetDescription target = TargetDescription::of(attr);
    std::string text;
    llvm::raw_string_ostream(text)
        << target.triple << ' ' << target.cpu << ' ' << target.features << ' '
        << target.vectorBytes << ' ' << target.vectorRegisters;
    llvm::SHA256 hash;
    hash.update(text);
    std::string digits = llvm::toHex(hash.final(), /*LowerCase=*/true);
    StringRef cpu = target.cpu.empty() ? StringRef("generic") : target.cpu;
    return (cpu + "-" + Twine(target.vectorBytes) + "-" + digits.substr(0, 8))
        .str();
  }

  SmallVector<SmallVector<int64_t>>
  listTiles(func::FuncOp kernel) const override {
    SmallVector<SmallVector<int64_t>> tiles;
    for (auto [rows, vectors] :
         pock::listTiles(kernel, TargetDescription::of(kernel)))
      tiles.push_back({rows, vectors});
    return tiles;
  }
};
} // namespace

void pock::registerCpuBackend() {
  registerTargetBackend(std::make_unique<CpuBackend>());
}
