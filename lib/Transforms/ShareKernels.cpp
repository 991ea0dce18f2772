//===- ShareKernels.cpp - keep one of several equal kernels ---------------===//

#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/Transforms/KernelFingerprint.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SHAREKERNELS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct ShareKernels
    : public ::mlir::pock::impl::ShareKernelsBase<ShareKernels> {
  using Base::Base;

  void runOnOperation() override {
    llvm::StringMap<FlatSymbolRefAttr> first;
    llvm::StringMap<FlatSymbolRefAttr> replacement;
    for (func::FuncOp kernel :
         llvm::make_early_inc_range(kernelsOf(getOperation()))) {
      auto symbol = FlatSymbolRefAttr::get(kernel.getSymNameAttr());
      auto [it, inserted] = first.try_emplace(kernelText(kernel), symbol);
      if (inserted)
        continue;
      replacement[kernel.getSymName()] = it->second;
      kernel.erase();
    }
    getOperation().walk([&](LaunchOp launch) {
      if (auto it = replacement.find(launch.getCallee());
          it != replacement.end())
        launch.setCalleeAttr(it->second);
    });
  }
};
} // namespace
