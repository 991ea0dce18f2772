//===- VulkanBackend.cpp - Graphics processors, through SPIR-V ------------===//

#include "Pock/Backends/Vulkan/VulkanBackend.h"

#include "DeviceRow.h"
#include "DispatchPlan.h"
#include "KernelParts.h"
#include "Pock/Backends/Shared/Passes.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/Conversion/Passes.h"
#include "Pock/Target/TargetBackend.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
class VulkanBackend : public TargetBackend {
public:
  StringRef getName() const override { return "vulkan"; }

  llvm::Error accepts(TargetAttr target) const override {
    if (target.getTriple() != "spirv-unknown-vulkan")
      return llvm::createStringError(
          "expected the triple 'spirv-unknown-vulkan', but got '" +
          target.getTriple() + "'");
    if (!findDeviceRow(target.getCpu()))
      return llvm::createStringError("no devices are called '" +
                                     target.getCpu() + "'");
    return llvm::Error::success();
  }

  TargetLimits getLimits(TargetAttr target) const override {
    TargetLimits limits;
    limits.alignment = target.getAlignment();
    limits.indexBits = target.getIndexBits();
    limits.stackBytes = 0;
    limits.workingBytes = target.getL2Bytes();
    limits.threadPerPoint = true;
    limits.kernelArrays = false;
    return limits;
  }

  /// Every device has 32-bit numbers; smaller and wider integers are made of
  /// these.
  bool supportsElement(TargetAttr target, Type type) const override {
    return type.isF32() || (type.isF16() && storesHalves(target)) ||
           type.isIndex() || type.isInteger(1) || type.isInteger(8) ||
           type.isInteger(32) || type.isInteger(64);
  }

  bool storesHalves(TargetAttr target) const override {
    const DeviceRow *row = findDeviceRow(target.getCpu());
    return row && row->storesHalves;
  }

  RunForm getRunForm(TargetAttr) const override { return RunForm::Dispatches; }

  void getDependentDialects(DialectRegistry &registry) const override {
    OpPassManager passes(ModuleOp::getOperationName());
    buildKernelPipeline(passes, {}, {});
    buildCodePipeline(passes, {});
    passes.getDependentDialects(registry);
  }

  void buildKernelPipeline(OpPassManager &pm, TargetAttr,
                           const KernelOptions &) const override {
    pm.addNestedPass<func::FuncOp>(createConvertPockToLinalg());
    pm.addPass(createBufferizeKernels());
    pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
    pm.addNestedPass<func::FuncOp>(createCSEPass());
    FoldPaddingOptions folding;
    folding.checkTaps = true;
    pm.addPass(createFoldPadding(folding));
    pm.addPass(createPadAtOnce());
    pm.addPass(createSplitSums());
    pm.addPass(createComputeInWords());
    pm.addPass(createPlaceScratch());
  }

  void buildCodePipeline(OpPassManager &pm, TargetAttr) const override {
    pm.addPass(createPackArguments());
    pm.addPass(createFormDispatches());
    pm.addPass(createProbeArithmetic());
    pm.addPass(createExpandArithmetic());
    pm.addPass(createEmulateWideIntegers());
    pm.addPass(createLowerToSpirv());
  }

  std::string getTuningKey(TargetAttr target) const override {
    if (target.getCpu().empty())
      return "vulkan";
    return ("vulkan:" + target.getCpu()).str();
  }
  SmallVector<SmallVector<int64_t>>
  listTiles(func::FuncOp kernel) const override {
    return pock::listTiles(kernel);
  }
  SmallVector<StringRef> listAlgorithms(func::FuncOp kernel) const override {
    return pock::listAlgorithms(kernel);
  }

  /// The shaders as SPIR-V, and the plan of their dispatches.
  FailureOr<Binaries> emit(ModuleOp module) const override {
    FailureOr<std::string> plan = buildDispatchPlan(module);
    if (failed(plan))
      return failure();
    Binaries binaries;
    for (auto shaders : module.getOps<spirv::ModuleOp>()) {
      SmallVector<uint32_t> words;
      spirv::SerializationOptions options;
      options.emitSymbolName = false;
      if (failed(spirv::serialize(shaders, words, options)))
        return failure();
      binaries.emplace_back(reinterpret_cast<const char *>(words.data()),
                            words.size() * sizeof(uint32_t));
    }
    binaries.push_back(*plan);
    return binaries;
  }
};
} // namespace

void pock::registerVulkanBackend() {
  registerTargetBackend(std::make_unique<VulkanBackend>());
}
