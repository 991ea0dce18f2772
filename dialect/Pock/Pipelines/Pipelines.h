//===- Pipelines.h - the stages of compilation ------------------*- C++ -*-===//
//
// One pipeline per stage of docs/Architecture.md; each runs on the result of
// the previous one. They are registered as `pock-<stage>-pipeline`.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_PIPELINES_PIPELINES_H
#define POCK_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::pock {

/// Options of stage `schedule`.
struct ScheduleOptions : PassPipelineOptions<ScheduleOptions> {
  Option<bool> reorder{*this, "reorder",
                       llvm::cl::desc("Move updates behind their gradients"),
                       llvm::cl::init(true)};
  Option<bool> recompute{
      *this, "recompute",
      llvm::cl::desc("Let the backward pass run cheap ops again"),
      llvm::cl::init(true)};
};

/// Options of stage `kernels`.
struct KernelsOptions : PassPipelineOptions<KernelsOptions> {
  Option<bool> reorder{
      *this, "reorder",
      llvm::cl::desc("Let updates join the kernel of their gradient"),
      llvm::cl::init(true)};
};

/// Options of stage `plan`.
struct PlanOptions : PassPipelineOptions<PlanOptions> {
  Option<bool> reorder{*this, "reorder",
                       llvm::cl::desc("Order launches for the least memory"),
                       llvm::cl::init(true)};
  Option<bool> inPlace{
      *this, "in-place",
      llvm::cl::desc("Let elementwise kernels write over dying operands"),
      llvm::cl::init(true)};
  Option<bool> reuse{
      *this, "reuse",
      llvm::cl::desc("Let values share bytes of the arena over time"),
      llvm::cl::init(true)};
  Option<int64_t> guard{
      *this, "guard",
      llvm::cl::desc("Bytes left free around every value in the arena"),
      llvm::cl::init(0)};

  Option<std::string> winograd{
      *this, "winograd",
      llvm::cl::desc("Winograd's algorithm for convolutions: auto, always or "
                     "never"),
      llvm::cl::init("auto")};
};

/// Marks trained parameters, decomposes composite ops, assigns the layout.
void buildGraphPipeline(OpPassManager &pm);
/// Derives the training step.
void buildTrainingPipeline(OpPassManager &pm);
/// Splits off `@prepare`, orders the step, lowers updates.
void buildSchedulePipeline(OpPassManager &pm, const ScheduleOptions &options);
/// Outlines kernels, and merges equal ones.
void buildKernelsPipeline(OpPassManager &pm, const KernelsOptions &options);
/// Lowers kernels to linalg on buffers and plans the memory of functions.
void buildPlanPipeline(OpPassManager &pm, const PlanOptions &options);
/// Generates code for kernels and lowers everything to the LLVM dialect.
void buildLLVMPipeline(OpPassManager &pm);

/// Registers the pipelines above.
void registerPipelines();

} // namespace mlir::pock

#endif // POCK_PIPELINES_PIPELINES_H
