//===- LowerToSpirv.cpp - Shaders as SPIR-V -------------------------------===//
//
// Needs the `gpu.module` of `pock-form-dispatches`. Guarantees one
// `spirv.module` with an entry point per shader, beside it.
//
//===----------------------------------------------------------------------===//

#include "DeviceRow.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Conversion/FuncToSPIRV/FuncToSPIRVPass.h"
#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRVPass.h"
#include "mlir/Conversion/MathToSPIRV/MathToSPIRVPass.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_LOWERTOSPIRV
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// What every Vulkan 1.1 device of a row has. (Modules of a later version than
/// 1.3 list all variables in their entry points, but get the header of an
/// earlier one.)
spirv::TargetEnvAttr environmentOf(const DeviceRow &row, MLIRContext *context) {
  SmallVector<spirv::Capability> capabilities = {spirv::Capability::Shader};
  SmallVector<spirv::Extension> extensions = {
      spirv::Extension::SPV_KHR_storage_buffer_storage_class};
  if (row.storesBytes) {
    capabilities.append(
        {spirv::Capability::Int8, spirv::Capability::StorageBuffer8BitAccess});
    extensions.push_back(spirv::Extension::SPV_KHR_8bit_storage);
  }
  if (row.storesHalves) {
    capabilities.append({spirv::Capability::Float16,
                         spirv::Capability::StorageBuffer16BitAccess});
    extensions.push_back(spirv::Extension::SPV_KHR_16bit_storage);
  }
  auto triple = spirv::VerCapExtAttr::get(spirv::Version::V_1_3, capabilities,
                                          extensions, context);
  return spirv::TargetEnvAttr::get(
      triple, spirv::getDefaultResourceLimits(context),
      spirv::ClientAPI::Vulkan, spirv::Vendor::Unknown,
      spirv::DeviceType::Unknown, spirv::TargetEnvAttr::kUnknownDeviceID);
}

/// Adds to what devices must be able to do.
void require(spirv::ModuleOp module, ArrayRef<spirv::Capability> capabilities,
             spirv::Extension extension) {
  spirv::VerCapExtAttr before = *module.getVceTriple();
  auto all = llvm::to_vector(before.getCapabilities());
  llvm::append_range(all, capabilities);
  auto extensions = llvm::to_vector(before.getExtensions());
  extensions.push_back(extension);
  module.setVceTripleAttr(spirv::VerCapExtAttr::get(
      before.getVersion(), all, extensions, module.getContext()));
}

/// Forbids drivers to compute two operations with one rounding, to take
/// denormal numbers for zeros, and to ignore the signs of zeros.
void keepBits(spirv::ModuleOp module) {
  require(module,
          {spirv::Capability::DenormPreserve,
           spirv::Capability::SignedZeroInfNanPreserve},
          spirv::Extension::SPV_KHR_float_controls);
  module.walk([](Operation *op) {
    if (isa<spirv::FAddOp, spirv::FSubOp, spirv::FMulOp, spirv::FDivOp,
            spirv::FNegateOp, spirv::FRemOp>(op))
      op->setAttr("no_contraction", UnitAttr::get(op->getContext()));
  });
  module.walk([](spirv::EntryPointOp entry) {
    OpBuilder b(entry);
    b.setInsertionPointAfter(entry);
    auto function = cast<spirv::FuncOp>(
        SymbolTable::lookupNearestSymbolFrom(entry, entry.getFnAttr()));
    for (auto mode : {spirv::ExecutionMode::DenormPreserve,
                      spirv::ExecutionMode::SignedZeroInfNanPreserve})
      spirv::ExecutionModeOp::create(b, entry.getLoc(), function, mode, {32});
  });
}

struct LowerToSpirv : impl::LowerToSpirvBase<LowerToSpirv> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    module->setAttr(spirv::getTargetEnvAttrName(),
                    environmentOf(deviceRowOf(module), &getContext()));
    module.walk([](gpu::GPUFuncOp shader) {
      if (auto size = shader.getKnownBlockSize())
        shader->setAttr(
            spirv::getEntryPointABIAttrName(),
            spirv::getEntryPointABIAttr(shader.getContext(), *size));
    });
    OpPassManager pm(ModuleOp::getOperationName());
    pm.addNestedPass<gpu::GPUModuleOp>(createCanonicalizerPass());
    pm.addNestedPass<gpu::GPUModuleOp>(createCSEPass());
    pm.addNestedPass<gpu::GPUModuleOp>(createLoopInvariantCodeMotionPass());
    pm.addNestedPass<gpu::GPUModuleOp>(createConvertMathToSPIRVPass());
    pm.addNestedPass<gpu::GPUModuleOp>(createConvertFuncToSPIRVPass());
    pm.addPass(createConvertGPUToSPIRVPass());
    OpPassManager &spirv = pm.nest<spirv::ModuleOp>();
    spirv.addPass(createCanonicalizerPass());
    spirv.addPass(createCSEPass());
    spirv.addPass(spirv::createSPIRVLowerABIAttributesPass());
    spirv.addPass(createCanonicalizerPass());
    spirv.addPass(createCSEPass());
    spirv.addPass(spirv::createSPIRVUpdateVCEPass());
    if (failed(runPipeline(pm, module)))
      return signalPassFailure();
    if (isPortable(module))
      llvm::for_each(module.getOps<spirv::ModuleOp>(), keepBits);
  }
};

} // namespace
} // namespace mlir::pock
