//===- Pipelines.h - the stages of compilation ------------------*- C++ -*-===//
//
// One pipeline per stage of docs/Architecture.md; each takes the module as the
// one before leaves it. Registered as `pock-<stage>-pipeline`.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_PIPELINES_PIPELINES_H
#define POCK_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::pock {

/// Options of stage `plan`.
struct PlanOptions : PassPipelineOptions<PlanOptions> {
  Option<std::string> winograd{
      *this, "winograd",
      llvm::cl::desc("Winograd's algorithm for convolutions: auto, always or "
                     "never"),
      llvm::cl::init("auto")};
};

/// Marks what trains, decomposes composite ops, assigns the layout.
void buildGraphPipeline(OpPassManager &pm);
/// Derives the training step.
void buildTrainingPipeline(OpPassManager &pm);
/// Splits off `@prepare`, orders the step, lowers updates.
void buildSchedulePipeline(OpPassManager &pm);
/// Outlines kernels and shares equal ones.
void buildKernelsPipeline(OpPassManager &pm);
/// Lowers kernels to linalg on buffers and plans the memory of functions.
void buildPlanPipeline(OpPassManager &pm, const PlanOptions &options);
/// Generates code for kernels and lowers everything to the LLVM dialect.
void buildLLVMPipeline(OpPassManager &pm);

/// Registers the pipelines above.
void registerPipelines();

} // namespace mlir::pock

#endif // POCK_PIPELINES_PIPELINES_H
