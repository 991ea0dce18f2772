//===- DispatchPlan.h - The functions of a module as dispatches -*- C++ -*-===//
#ifndef POCK_BACKENDS_VULKAN_DISPATCHPLAN_H
#define POCK_BACKENDS_VULKAN_DISPATCHPLAN_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace mlir::pock {

/// The bytes of the plan of a module after `pock-lower-to-spirv`, as
/// `Runtime/plan.h` reads them: shaders, and for each function
/// its arguments and commands.
FailureOr<std::string> buildDispatchPlan(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_DISPATCHPLAN_H
