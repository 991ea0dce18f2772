//===- Kernels.h - the kernels of a module ----------------------*- C++ -*-===//

#ifndef POCK_IR_KERNELS_H
#define POCK_IR_KERNELS_H

#include "Pock/IR/AttributeNames.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::pock {

/// Whether `function` is a kernel with a body.
inline bool isKernel(func::FuncOp function) {
  return function->hasAttr(attribute::kernel) && !function.isExternal();
}

/// Whether `function` launches kernels: it has a body and is none itself.
inline bool isEntry(func::FuncOp function) {
  return !function->hasAttr(attribute::kernel) && !function.isExternal();
}

/// The kernels of a module, in order.
inline auto kernelsOf(ModuleOp module) {
  return llvm::make_filter_range(module.getOps<func::FuncOp>(), isKernel);
}

/// The functions of a module that launch kernels, in order. Passes may add and
/// erase functions while they go through them.
inline SmallVector<func::FuncOp> entriesOf(ModuleOp module) {
  return llvm::filter_to_vector(module.getOps<func::FuncOp>(), isEntry);
}

} // namespace mlir::pock

#endif // POCK_IR_KERNELS_H
