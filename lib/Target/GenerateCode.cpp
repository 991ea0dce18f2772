//===- GenerateCode.cpp - the back end's code pipeline --------------------===//
//
// Needs a module at stage `plan`. Runs the back end's pipeline for code, like
// `pock-lower-kernels` runs its pipeline for kernels.
//
//===----------------------------------------------------------------------===//

#include "Pock/Target/Passes.h"
#include "Pock/Target/TargetBackend.h"

#include "mlir/Pass/PassManager.h"

namespace mlir::pock {
#define GEN_PASS_DEF_GENERATECODE
#include "Pock/Target/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct GenerateCode : public pock::impl::GenerateCodeBase<GenerateCode> {
  using Base::Base;

  void getDependentDialects(DialectRegistry &dialects) const override {
    getBackendDialects(dialects);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<const TargetBackend *> backend = findTargetBackend(module);
    if (failed(backend))
      return signalPassFailure();
    OpPassManager passes(ModuleOp::getOperationName());
    (*backend)->buildCodePipeline(passes, targetOf(module));
    if (failed(runPipeline(passes, module)))
      signalPassFailure();
  }
};
} // namespace
