//===- LowerKernels.cpp - the back end's kernel pipeline ------------------===//
//
// Needs a module at stage `kernels`. A pipeline is built before the module and
// its target are known, so this pass runs the back end's pipeline for kernels
// later, as a nested pipeline. Guarantees kernels on buffers within the limits
// of the back end. Does not depend on the ops in the kernels.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/Kernels.h"
#include "Pock/Target/Passes.h"
#include "Pock/Target/TargetBackend.h"

#include "mlir/Pass/PassManager.h"

namespace mlir::pock {
#define GEN_PASS_DEF_LOWERKERNELS
#include "Pock/Target/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct LowerKernels : public pock::impl::LowerKernelsBase<LowerKernels> {
  using Base::Base;

  void getDependentDialects(DialectRegistry &dialects) const override {
    getBackendDialects(dialects);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<const TargetBackend *> found = findTargetBackend(module);
    if (failed(found))
      return signalPassFailure();
    const TargetBackend &backend = **found;
    if (failed(checkElements(backend)))
      return signalPassFailure();
    OpPassManager passes(ModuleOp::getOperationName());
    backend.buildKernelPipeline(passes, targetOf(module), {winograd});
    if (failed(runPipeline(passes, module)) || failed(checkBuffers(backend)))
      return signalPassFailure();
  }

private:
  /// Refuses kernels with element types that the back end does not support.
  LogicalResult checkElements(const TargetBackend &backend) {
    TargetAttr target = targetOf(getOperation());
    auto supported = [&](Type type) {
      auto shaped = dyn_cast<ShapedType>(type);
      return !shaped ||
             backend.supportsElement(target, shaped.getElementType());
    };
    for (func::FuncOp kernel : kernelsOf(getOperation())) {
      WalkResult result = kernel.walk([&](Operation *op) {
        auto types = llvm::concat<const Type>(
            isa<func::FuncOp>(op) ? kernel.getArgumentTypes()
                                  : ArrayRef<Type>(),
            llvm::to_vector(op->getResultTypes()));
        for (Type type : types)
          if (!supported(type)) {
            op->emitError("the back end '")
                << backend.getName() << "' does not compute with elements of "
                << getElementTypeOrSelf(type);
            return WalkResult::interrupt();
          }
        return WalkResult::advance();
      });
      if (result.wasInterrupted())
        return failure();
    }
    return success();
  }

  /// Refuses kernels that have more buffers than the back end allows.
  LogicalResult checkBuffers(const TargetBackend &backend) {
    std::optional<int64_t> most =
        backend.getLimits(targetOf(getOperation())).kernelBuffers;
    if (!most)
      return success();
    for (func::FuncOp kernel : kernelsOf(getOperation()))
      if (int64_t count = kernel.getNumArguments(); count > *most)
        return kernel.emitError("has ")
               << count << " buffers, but a kernel of the back end '"
               << backend.getName() << "' has at most " << *most;
    return success();
  }
};
} // namespace
