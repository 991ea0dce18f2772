//===- FitKernels.cpp - kernels and launches within a memory limit --------===//
//
// The choice of algorithms depends on the memory limit, and whether the limit
// can be met is known only after the kernels are lowered and the launches are
// ordered. So this pass runs the passes for that as a nested pipeline, and runs
// it a second time with other options if the limit cannot be met.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/DiagnosticFacts.h"
#include "Pock/Target/Passes.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include <vector>

namespace mlir::pock {
#define GEN_PASS_DEF_FITKERNELS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct FitKernels : public pock::impl::FitKernelsBase<FitKernels> {
  using Base::Base;

  void getDependentDialects(DialectRegistry &dialects) const override {
    Base::getDependentDialects(dialects);
    buildPipeline(winograd).getDependentDialects(dialects);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!module->hasAttr(attribute::memoryLimit) || winograd == "never") {
      OpPassManager passes = buildPipeline(winograd);
      if (failed(runPipeline(passes, module)))
        signalPassFailure();
      return;
    }
    OwningOpRef<ModuleOp> given = module.clone();
    Attempt first = attempt(winograd);
    if (first.succeeded || !first.smallest)
      return finish(std::move(first));
    module->setAttrs((*given)->getAttrDictionary());
    module.getBodyRegion().takeBody(given->getBodyRegion());
    Attempt second = attempt("never");
    if (!second.succeeded && second.smallest &&
        *first.smallest < *second.smallest)
      return finish(std::move(first));
    finish(std::move(second));
  }

private:
  /// One run of the pipeline.
  struct Attempt {
    bool succeeded;
    /// Emitted meanwhile.
    std::vector<Diagnostic> diagnostics;
    /// The smallest limit that can be met, if the limit was too small.
    std::optional<int64_t> smallest;
  };

  OpPassManager buildPipeline(StringRef winograd) const {
    OpPassManager passes(ModuleOp::getOperationName());
    LowerKernelsOptions kernels;
    kernels.winograd = winograd.str();
    passes.addPass(createLowerKernels(kernels));
    // Kernels say how much workspace they need, so the order comes after them.
    if (reorder)
      passes.addPass(createOrderLaunches());
    FitMemoryOptions limit;
    limit.reorder = reorder;
    limit.inPlace = inPlace;
    limit.reuse = reuse;
    limit.guard = guard;
    passes.addPass(createFitMemory(limit));
    return passes;
  }

  Attempt attempt(StringRef winograd) {
    Attempt result;
    ScopedDiagnosticHandler handler(&getContext(), [&](Diagnostic &diagnostic) {
      if (DictionaryAttr facts = findFacts(diagnostic, kMemoryLimitFacts))
        if (auto smallest = facts.getAs<IntegerAttr>("smallest"))
          result.smallest = smallest.getInt();
      result.diagnostics.push_back(std::move(diagnostic));
    });
    OpPassManager passes = buildPipeline(winograd);
    result.succeeded = succeeded(runPipeline(passes, getOperation()));
    return result;
  }

  /// Emits the diagnostics of the attempt that counts.
  void finish(Attempt result) {
    for (Diagnostic &diagnostic : result.diagnostics)
      getContext().getDiagEngine().emit(std::move(diagnostic));
    if (!result.succeeded)
      signalPassFailure();
  }
};
} // namespace
