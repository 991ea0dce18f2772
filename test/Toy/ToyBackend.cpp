//===- ToyBackend.cpp - A back end for a machine that is no processor -----===//
//
// Its kernels come from the passes that back ends share, and its code is a list
// of commands: which function launches which kernel on how many buffers. It
// includes nothing of the CPU back end, nor does the border that it stands
// behind.
//
//===----------------------------------------------------------------------===//

#include "ToyBackend.h"

#include "Pock/Backends/Shared/Passes.h"
#include "Pock/Conversion/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/Target/TargetBackend.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
/// Replaces functions of launches by the module attribute `toy.commands`.
struct RecordCommands
    : public PassWrapper<RecordCommands, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RecordCommands)

  void runOnOperation() override {
    std::string commands;
    llvm::raw_string_ostream stream(commands);
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (function->hasAttr(attribute::kernel))
        continue;
      function.walk([&](LaunchOp launch) {
        stream << function.getSymName() << ": " << launch.getCallee() << " on "
               << launch->getNumOperands() << "; ";
      });
      function.erase();
    }
    getOperation()->setAttr("toy.commands",
                            StringAttr::get(&getContext(), commands));
  }
};

class ToyBackend : public TargetBackend {
public:
  StringRef getName() const override { return "toy"; }

  llvm::Error accepts(TargetAttr target) const override {
    if (target.getTriple().starts_with("toy"))
      return llvm::Error::success();
    return llvm::createStringError("expected a triple that begins with 'toy'");
  }

  TargetLimits getLimits(TargetAttr target) const override {
    TargetLimits limits;
    limits.alignment = target.getAlignment();
    limits.stackBytes = 0;
    limits.segmentBytes = 4096;
    limits.kernelBuffers = 3;
    return limits;
  }

  bool supportsElement(TargetAttr, Type type) const override {
    return !type.isF64();
  }

  RunForm getRunForm(TargetAttr) const override { return RunForm::Object; }

  void getDependentDialects(DialectRegistry &registry) const override {
    OpPassManager passes(ModuleOp::getOperationName());
    buildKernelPipeline(passes, {}, {});
    passes.getDependentDialects(registry);
  }

  void buildKernelPipeline(OpPassManager &pm, TargetAttr,
                           const KernelOptions &) const override {
    pm.addNestedPass<func::FuncOp>(createConvertPockToLinalg());
    pm.addPass(createBufferizeKernels());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createPlaceScratch());
  }

  void buildCodePipeline(OpPassManager &pm, TargetAttr) const override {
    pm.addPass(std::make_unique<RecordCommands>());
  }

  FailureOr<Binaries> emit(ModuleOp module) const override {
    auto commands = module->getAttrOfType<StringAttr>("toy.commands");
    if (!commands)
      return module.emitError("expected a module at stage 'llvm'");
    return Binaries{commands.str()};
  }
};

/// Shows the binaries of a module as remarks, for tests.
struct ShowBinaries
    : public PassWrapper<ShowBinaries, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ShowBinaries)

  StringRef getArgument() const override { return "toy-show-binaries"; }
  StringRef getDescription() const override {
    return "Emit the binaries of a module, and data, as remarks";
  }

  void runOnOperation() override {
    FailureOr<Binaries> binaries = emitBinaries(getOperation());
    if (failed(binaries))
      return signalPassFailure();
    for (const std::string &binary : *binaries)
      getOperation().emitRemark("binary: ") << binary;
    // (An error: toys have no data.)
    (void)emitData(getOperation(), {});
  }
};
} // namespace

void pock::toy::registerToyBackend() {
  registerTargetBackend(std::make_unique<ToyBackend>());
  PassRegistration<ShowBinaries>();
}
