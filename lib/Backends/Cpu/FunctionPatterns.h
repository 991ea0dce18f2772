//===- FunctionPatterns.h - Patterns on all functions ----------*- C++ -*-===//

#ifndef POCK_BACKENDS_CPU_FUNCTIONPATTERNS_H
#define POCK_BACKENDS_CPU_FUNCTIONPATTERNS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Threading.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::pock {

/// Applies patterns greedily to all functions of `module`, in parallel. A
/// pattern must not change or read anything outside of its function.
inline LogicalResult applyToFunctions(ModuleOp module,
                                      RewritePatternSet &&patterns) {
  FrozenRewritePatternSet frozen(std::move(patterns));
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  return failableParallelForEach(
      module.getContext(), functions, [&](func::FuncOp function) {
        return applyPatternsGreedily(function, frozen);
      });
}

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_FUNCTIONPATTERNS_H
