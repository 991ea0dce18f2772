//===- Decompose.cpp - replace composite ops by their parts ---------------===//
//
// Afterwards, only ops with a VJP of their own or without a gradient remain.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/Pock.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_DECOMPOSE
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct Decompose : public ::mlir::pock::impl::DecomposeBase<Decompose> {
  using Base::Base;

  void runOnOperation() override {
    // Parts may be composite themselves. They precede the op that they replace,
    // so the list is refilled until nothing is left.
    while (true) {
      SmallVector<DecomposableOpInterface> composites;
      getOperation()->walk([&](DecomposableOpInterface op) {
        if (op.decomposesBeforeAutodiff())
          composites.push_back(op);
      });
      if (composites.empty())
        return;
      for (DecomposableOpInterface op : composites) {
        OpBuilder builder(op);
        FailureOr<SmallVector<Value>> parts = op.decompose(builder);
        if (failed(parts)) {
          op->emitOpError("cannot be decomposed");
          return signalPassFailure();
        }
        op->replaceAllUsesWith(*parts);
        op->erase();
      }
    }
  }
};
} // namespace
