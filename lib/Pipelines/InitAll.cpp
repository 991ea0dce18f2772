//===- InitAll.cpp - registration of dialects, passes and back ends -------===//

#include "Pock/InitAll.h"

#include "Pock/Backends/Cpu/CpuBackend.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/Backends/Shared/Passes.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/Backends/Vulkan/VulkanBackend.h"
#include "Pock/Conversion/Passes.h"
#include "Pock/IR/Pock.h"
#include "Pock/Pipelines/Pipelines.h"
#include "Pock/Target/Passes.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void mlir::pock::registerAllDialects(DialectRegistry &registry) {
  registry.insert<PockDialect, affine::AffineDialect, arith::ArithDialect,
                  bufferization::BufferizationDialect, cf::ControlFlowDialect,
                  func::FuncDialect, gpu::GPUDialect, index::IndexDialect,
                  LLVM::LLVMDialect, linalg::LinalgDialect, math::MathDialect,
                  memref::MemRefDialect, omp::OpenMPDialect, scf::SCFDialect,
                  spirv::SPIRVDialect, tensor::TensorDialect, ub::UBDialect,
                  vector::VectorDialect>();
  registerBufferizationModels(registry);
}

void mlir::pock::registerAllPasses() {
  registerPockTransformsPasses();
  registerPockConversionPasses();
  registerPockCpuPasses();
  registerPockSharedPasses();
  registerPockVulkanPasses();
  registerPockTargetPasses();
  registerCpuBackend();
  registerVulkanBackend();
  registerPipelines();
  registerCanonicalizerPass();
  registerCSEPass();
  registerSymbolDCEPass();
  registerSymbolPrivatizePass();
  registerStripDebugInfoPass();
}
