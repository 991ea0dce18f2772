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

/// Folds ops, removes unused ones, and merges equal ones.
static void addCleanup(OpPassManager &pm,
                       ArrayRef<std::string> disabledPatterns = {}) {
  pm.addPass(createCanonicalizerPass(GreedyRewriteConfig(), disabledPatterns));
  pm.addPass(createCSEPass());
}

/// The same before differentiation, which must see that the loss depends on a
/// parameter, even if it does not depend on any entry: the gradient is zero.
static void addCleanupOfForward(OpPassManager &pm) {
  addCleanup(pm, {emptyPatternsLabel});
}

void mlir::pock::buildGraphPipeline(OpPassManager &pm) {
  // First, because a scheme asks which op reads a weight.
  pm.addPass(createFormQuantized());
  // While weights have PyTorch's layout, because fractions count input
  // channels.
  pm.addPass(createApplyScheme());
  addCleanupOfForward(pm);
  // Decompose composite ops before the layout pass, which does not look into
  // them.
  pm.addNestedPass<func::FuncOp>(createDecompose());
  addCleanupOfForward(pm);
  // Before differentiation, so that the backward pass inherits the layout.
  pm.addPass(createAssignLayout());
  addCleanupOfForward(pm);
  pm.addNestedPass<func::FuncOp>(createSinkReshapes());
  addCleanupOfForward(pm);
}

void mlir::pock::buildTrainingPipeline(OpPassManager &pm) {
  pm.addPass(createBuildStep());
  // Moves slices of gradients to the activations that they are computed from,
  // and removes gradients that become unused.
  addCleanup(pm);
  // Before scales move to weights, which would no longer be integers.
  pm.addPass(createNarrowGradients());
  // While the whole backward pass is in one block. The second pass needs the
  // weight gradients in the form that the first one leaves.
  pm.addNestedPass<func::FuncOp>(createMoveScales());
  pm.addNestedPass<func::FuncOp>(createDeriveScaleGradients());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createSinkGradients());
}

void mlir::pock::buildSchedulePipeline(OpPassManager &pm,
                                       const ScheduleOptions &options) {
  // Before the next pass, which moves what depends on frozen weights only.
  pm.addNestedPass<func::FuncOp>(createFoldZeroPoints());
  // Behind the pass that sums weights, because sums of frozen parts move, too.
  pm.addPass(createSplitSlices());
  // Before scheduling, because ops that move to @prepare are not scheduled.
  pm.addPass(createSplitPrepare());
  addCleanup(pm);
  // Before scheduling, because updates wait for ops that may fail.
  pm.addNestedPass<func::FuncOp>(createFailEarly());
  if (options.reorder)
    pm.addNestedPass<func::FuncOp>(createSchedule());
  // Updates are in their final position: replace them by optimizer ops.
  pm.addPass(createLowerUpdates());
  // Merge loads of the same parameter, so that its readers can be found. CSE
  // keeps the order of ops.
  pm.addPass(createCSEPass());
  // Last, because CSE would merge ops that the backward pass recomputes.
  SaveLeastOptions saving;
  saving.recompute = options.recompute;
  pm.addNestedPass<func::FuncOp>(createSaveLeast(saving));
  pm.addNestedPass<func::FuncOp>(createPackMasks());
}

void mlir::pock::buildKernelsPipeline(OpPassManager &pm,
                                      const KernelsOptions &options) {
  pm.addPass(createStoreConstants());
  pm.addNestedPass<func::FuncOp>(createRepeatElementwise());
  FormKernelsOptions kernels;
  kernels.reorder = options.reorder;
  pm.addPass(createFormKernels(kernels));
  pm.addPass(createNarrowStorage());
  pm.addPass(createShareKernels());
}

void mlir::pock::buildPlanPipeline(OpPassManager &pm,
                                   const PlanOptions &options) {
  // First, because kernels are identified by their text at this point.
  pm.addPass(createApplyTuning());
  auto place = [&](auto places) {
    places.inPlace = options.inPlace;
    places.reuse = options.reuse;
    places.guard = options.guard;
    return places;
  };
  // The back end lowers the kernels, within the memory limit. All later passes
  // are independent of it.
  FitKernelsOptions kernels = place(FitKernelsOptions());
  kernels.winograd = options.winograd;
  kernels.reorder = options.reorder;
  pm.addPass(createFitKernels(kernels));
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
