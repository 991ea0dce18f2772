//===- Pipelines.cpp - the stages of compilation --------------------------===//

#include "Pock/Pipelines/Pipelines.h"

#include "Pock/IR/EmptyPatterns.h"
#include "Pock/Target/Passes.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::pock;

/// Folds, drops what is unused, merges what is equal.
static void addCleanup(OpPassManager &pm,
                       ArrayRef<std::string> disabledPatterns = {}) {
  pm.addPass(createCanonicalizerPass(GreedyRewriteConfig(), disabledPatterns));
  pm.addPass(createCSEPass());
}

/// The same ahead of differentiation, which is to see that a parameter leads to
/// the loss even if no entry of it does: its gradient is zero.
static void addCleanupOfForward(OpPassManager &pm) {
  addCleanup(pm, {emptyPatternsLabel});
}

void mlir::pock::buildGraphPipeline(OpPassManager &pm) {
  // First of all, while weights still have PyTorch's layout: fractions count
  // input channels.
  pm.addPass(createApplyScheme());
  addCleanupOfForward(pm);
  // Composite ops hide what the layout pass wants to see.
  pm.addNestedPass<func::FuncOp>(createDecompose());
  addCleanupOfForward(pm);
  // Before differentiation, so that the backward pass inherits the layout
  // instead of having it assigned once more.
  pm.addPass(createAssignLayout());
  addCleanupOfForward(pm);
  pm.addNestedPass<func::FuncOp>(createSinkReshapes());
  addCleanupOfForward(pm);
}

void mlir::pock::buildTrainingPipeline(OpPassManager &pm) {
  pm.addPass(createBuildStep());
  // Moves slices of gradients to the activations behind them, and drops the
  // gradients that they make unused.
  addCleanup(pm);
  // While all of the backward pass is in one block. The second needs weight
  // gradients as the first leaves them.
  pm.addNestedPass<func::FuncOp>(createMoveScales());
  pm.addNestedPass<func::FuncOp>(createDeriveScaleGradients());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createSinkGradients());
}

void mlir::pock::buildSchedulePipeline(OpPassManager &pm,
                                       const ScheduleOptions &options) {
  // Before scheduling: what moves to @prepare needs no place in the order.
  pm.addPass(createSplitPrepare());
  addCleanup(pm);
  // Before scheduling: updates wait for what may fail.
  pm.addNestedPass<func::FuncOp>(createFailEarly());
  if (options.reorder)
    pm.addNestedPass<func::FuncOp>(createSchedule());
  // Updates are in place now: their regions have served.
  pm.addPass(createLowerUpdates());
  // Loads of one parameter become one, so that its readers can be found; the
  // order of ops is kept.
  pm.addPass(createCSEPass());
  // Last: CSE would find again what the backward pass runs a second time.
  SaveLeastOptions saving;
  saving.recompute = options.recompute;
  pm.addNestedPass<func::FuncOp>(createSaveLeast(saving));
  pm.addNestedPass<func::FuncOp>(createPackMasks());
}

void mlir::pock::buildKernelsPipeline(OpPassManager &pm,
                                      const KernelsOptions &options) {
  pm.addNestedPass<func::FuncOp>(createRepeatElementwise());
  FormKernelsOptions kernels;
  kernels.reorder = options.reorder;
  pm.addPass(createFormKernels(kernels));
  pm.addPass(createNarrowStorage());
  pm.addPass(createShareKernels());
}

void mlir::pock::buildPlanPipeline(OpPassManager &pm,
                                   const PlanOptions &options) {
  // First of all: kernels are known by the text that they have here.
  pm.addPass(createApplyTuning());
  auto place = [&](auto places) {
    places.inPlace = options.inPlace;
    places.reuse = options.reuse;
    places.guard = options.guard;
    return places;
  };
  // The back end decides how kernels are computed, within the memory limit. All
  // passes after it serve every back end.
  FitKernelsOptions kernels = place(FitKernelsOptions());
  kernels.winograd = options.winograd;
  kernels.reorder = options.reorder;
  pm.addPass(createFitKernels(kernels));
  // The limit was for the memory that this plan needs.
  pm.addPass(createPlanMemory(place(PlanMemoryOptions())));
}

void mlir::pock::buildLLVMPipeline(OpPassManager &pm) {
  pm.addPass(createGenerateCode());
}

void mlir::pock::registerPipelines() {
  PassPipelineRegistration<>("pock-graph-pipeline",
                             "Stage graph: scheme, decomposition, layout",
                             buildGraphPipeline);
  PassPipelineRegistration<>("pock-training-pipeline",
                             "Stage training: derive the training step",
                             buildTrainingPipeline);
  PassPipelineRegistration<ScheduleOptions>(
      "pock-schedule-pipeline", "Stage schedule: prepare, order, updates",
      buildSchedulePipeline);
  PassPipelineRegistration<KernelsOptions>(
      "pock-kernels-pipeline", "Stage kernels: outline and share kernels",
      buildKernelsPipeline);
  PassPipelineRegistration<PlanOptions>(
      "pock-plan-pipeline", "Stage plan: linalg, buffers, memory plan",
      buildPlanPipeline);
  PassPipelineRegistration<>("pock-llvm-pipeline",
                             "Stage llvm: code generation", buildLLVMPipeline);
}
