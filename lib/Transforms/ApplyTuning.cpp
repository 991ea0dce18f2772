//===- ApplyTuning.cpp - attach measured choices to kernels ---------------===//
//
// Needs kernels of pock ops after `pock-share-kernels`: their text is the key
// in the module attribute `pock.tuning`. Sets the key on each kernel, and the
// choice if there is one, and removes the module attribute. Keys without a
// kernel are ignored: a tuning file serves several models.
//
//===----------------------------------------------------------------------===//

#include "KernelTuning.h"
#include "Pock/IR/Kernels.h"
#include "Pock/Transforms/KernelFingerprint.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_APPLYTUNING
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct ApplyTuning : public ::mlir::pock::impl::ApplyTuningBase<ApplyTuning> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<DictionaryAttr> tuning = takeTuning(module);
    if (failed(tuning))
      return signalPassFailure();
    for (func::FuncOp kernel : kernelsOf(module)) {
      std::string fingerprint = kernelFingerprint(kernel);
      kernel->setAttr("pock.fingerprint",
                      StringAttr::get(&getContext(), fingerprint));
      if (auto choice = tuning->getAs<DictionaryAttr>(fingerprint))
        applyChoice(kernel, choice);
    }
  }

  /// Removes and returns the verified module attribute; empty if there is none.
  static FailureOr<DictionaryAttr> takeTuning(ModuleOp module) {
    Attribute attr = module->removeAttr("pock.tuning");
    if (!attr)
      return DictionaryAttr::get(module.getContext());
    auto tuning = dyn_cast<DictionaryAttr>(attr);
    if (!tuning)
      return module.emitError("expected 'pock.tuning' to be a dictionary, "
                              "but got ")
             << attr;
    for (NamedAttribute entry : tuning)
      if (failed(verifyChoice(module, entry.getValue(),
                              "the 'pock.tuning' of '" +
                                  entry.getName().strref() + "'")))
        return failure();
    return tuning;
  }
};
} // namespace
