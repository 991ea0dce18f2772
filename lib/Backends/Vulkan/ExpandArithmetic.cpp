//===- ExpandArithmetic.cpp - Functions and roundings that devices leave open //
//
// Needs shaders. Guarantees that functions are the formulas of all targets, and
// in portable arithmetic that every result is rounded once.
//
//===----------------------------------------------------------------------===//

#include "../Shared/MathApproximation.h"
#include "ExactArithmetic.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::pock {
#define GEN_PASS_DEF_EXPANDARITHMETIC
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

struct ExpandArithmetic : impl::ExpandArithmeticBase<ExpandArithmetic> {
  using Base::Base;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet first(context), second(context);
    populateCompositionPatterns(first);
    populateFormulaPatterns(second);
    populateLibraryPatterns(second);
    FrozenRewritePatternSet compositions(std::move(first)),
        formulas(std::move(second));
    bool isExact = isPortable(getOperation());
    for (auto shaders : getOperation().getOps<gpu::GPUModuleOp>()) {
      if (failed(applyPatternsGreedily(shaders, compositions)) ||
          failed(applyPatternsGreedily(shaders, formulas)))
        return signalPassFailure();
      if (isExact)
        makeArithmeticExact(shaders);
    }
  }
};

} // namespace
} // namespace mlir::pock
