//===- LowerToSpirv.cpp - Shaders as SPIR-V -------------------------------===//
//
// Needs the `gpu.module` of `pock-form-dispatches`. Guarantees one
// `spirv.module` with an entry point per shader, beside it.
//
//===----------------------------------------------------------------------===//

#include "../Shared/MathApproximation.h"
#include "Pock/Backends/Vulkan/Passes.h"

#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRVPass.h"
#include "mlir/Conversion/MathToSPIRV/MathToSPIRVPass.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/Transforms/Approximation.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_LOWERTOSPIRV
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// What every Vulkan 1.1 device has. (Modules of a later version than 1.3 list
/// all variables in their entry points, but get the header of an earlier one.)
spirv::TargetEnvAttr portableTarget(MLIRContext *context) {
  auto triple = spirv::VerCapExtAttr::get(
      spirv::Version::V_1_3, {spirv::Capability::Shader},
      {spirv::Extension::SPV_KHR_storage_buffer_storage_class}, context);
  return spirv::TargetEnvAttr::get(
      triple, spirv::getDefaultResourceLimits(context),
      spirv::ClientAPI::Vulkan, spirv::Vendor::Unknown,
      spirv::DeviceType::Unknown, spirv::TargetEnvAttr::kUnknownDeviceID);
}

struct LowerToSpirv : impl::LowerToSpirvBase<LowerToSpirv> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    module->setAttr(spirv::getTargetEnvAttrName(),
                    portableTarget(&getContext()));
    module.walk([](gpu::GPUFuncOp shader) {
      if (auto size = shader.getKnownBlockSize())
        shader->setAttr(
            spirv::getEntryPointABIAttrName(),
            spirv::getEntryPointABIAttr(shader.getContext(), *size));
    });
    // The functions of drivers have few digits.
    RewritePatternSet patterns(&getContext());
    populateMathApproximationPatterns(patterns);
    populateLibraryPatterns(patterns);
    populateMathPolynomialApproximationPatterns(
        patterns, MathPolynomialApproximationOptions());
    if (failed(applyPatternsGreedily(module, std::move(patterns))))
      return signalPassFailure();
    OpPassManager pm(ModuleOp::getOperationName());
    pm.addNestedPass<gpu::GPUModuleOp>(createCanonicalizerPass());
    pm.addNestedPass<gpu::GPUModuleOp>(createCSEPass());
    pm.addNestedPass<gpu::GPUModuleOp>(createLoopInvariantCodeMotionPass());
    pm.addNestedPass<gpu::GPUModuleOp>(createConvertMathToSPIRVPass());
    pm.addPass(createConvertGPUToSPIRVPass());
    OpPassManager &spirv = pm.nest<spirv::ModuleOp>();
    spirv.addPass(createCanonicalizerPass());
    spirv.addPass(createCSEPass());
    spirv.addPass(spirv::createSPIRVLowerABIAttributesPass());
    spirv.addPass(createCanonicalizerPass());
    spirv.addPass(createCSEPass());
    spirv.addPass(spirv::createSPIRVUpdateVCEPass());
    if (failed(runPipeline(pm, module)))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::pock
