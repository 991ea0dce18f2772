//===- StoreConstants.cpp - constant arrays become parameters -------------===//
//
// Kernels of some targets, such as shaders, cannot contain arrays. Needs
// functions before kernels are formed. Guarantees that the only constants left
// have one value in all entries.
//
//===----------------------------------------------------------------------===//

#include "KnownParameters.h"

#include "Pock/IR/Pock.h"
#include "Pock/Target/TargetBackend.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_STORECONSTANTS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct StoreConstants
    : public ::mlir::pock::impl::StoreConstantsBase<StoreConstants> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (limitsAt(module).kernelArrays)
      return;
    module.walk([&](ConstantOp constant) {
      auto value = dyn_cast<DenseElementsAttr>(constant.getValue());
      if (!value || value.isSplat())
        return;
      OpBuilder b(constant);
      constant.replaceAllUsesWith(
          loadKnown(b, constant.getLoc(), module, "constant", value));
      constant.erase();
    });
  }
};
} // namespace
