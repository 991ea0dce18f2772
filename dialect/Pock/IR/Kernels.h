//===- Kernels.h - the kernels of a module ----------------------*- C++ -*-===//

#ifndef POCK_IR_KERNELS_H
#define POCK_IR_KERNELS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::pock {

/// The functions with a body that are marked `pock.kernel`, in order.
inline auto kernelsOf(ModuleOp module) {
  return llvm::make_filter_range(
      module.getOps<func::FuncOp>(), [](func::FuncOp function) {
        return function->hasAttr("pock.kernel") && !function.isExternal();
      });
}

} // namespace mlir::pock

#endif // POCK_IR_KERNELS_H
