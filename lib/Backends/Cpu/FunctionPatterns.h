//===- FunctionPatterns.h - Patterns on all functions ----------*- C++ -*-===//

#ifndef POCK_BACKENDS_CPU_FUNCTIONPATTERNS_H
#define POCK_BACKENDS_CPU_FUNCTIONPATTERNS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Threading.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::pock {

/// Whether `function` has an operation that a pattern is for.
inline bool hasRootOf(const FrozenRewritePatternSet &patterns,
                      func::FuncOp function) {
  if (!patterns.getMatchAnyOpNativePatterns().empty())
    return true;
  const auto &roots = patterns.getOpSpecificNativePatterns();
  return function
      .walk([&](Operation *op) {
        return roots.contains(op->getName()) ? WalkResult::interrupt()
                                             : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Applies patterns greedily to all functions of `module`, in parallel. A
/// pattern must not change or read anything outside of its function. (The
/// driver also folds all operations, several times, so it leaves out functions
/// to which no pattern applies.)
inline LogicalResult applyToFunctions(ModuleOp module,
                                      RewritePatternSet &&patterns) {
  FrozenRewritePatternSet frozen(std::move(patterns));
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  return failableParallelForEach(
      module.getContext(), functions, [&](func::FuncOp function) {
        return success(!hasRootOf(frozen, function) ||
                       succeeded(applyPatternsGreedily(function, frozen)));
      });
}

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_FUNCTIONPATTERNS_H
