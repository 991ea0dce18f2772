//===- ApplyTuning.cpp - hand measured choices to their kernels -----------===//
//
// Needs kernels of pock ops, as `pock-share-kernels` leaves them: their text is
// the key of the module attribute `pock.tuning`. Leaves the key and, where
// there is one, the choice on each kernel and removes the module attribute.
// Keys that no kernel has are fine: a tuning file serves several models.
//
//===----------------------------------------------------------------------===//

#include "KernelTuning.h"
#include "Pock/IR/AttributeNames.h"
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
    auto tuning =
        cast_or_null<DictionaryAttr>(module->removeAttr(attribute::tuning));
    for (func::FuncOp kernel : kernelsOf(module)) {
      std::string fingerprint = kernelFingerprint(kernel);
      kernel->setAttr(attribute::fingerprint,
                      StringAttr::get(&getContext(), fingerprint));
      if (!tuning)
        continue;
      if (auto choice = tuning.getAs<DictionaryAttr>(fingerprint))
        applyChoice(kernel, choice);
    }
  }
};
} // namespace
