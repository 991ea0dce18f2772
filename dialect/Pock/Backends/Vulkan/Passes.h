//===- Passes.h - The passes of the Vulkan back end -------------*- C++ -*-===//
//
// These passes turn kernels into shaders, and the functions that launch them
// into lists of dispatches.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_VULKAN_PASSES_H
#define POCK_BACKENDS_VULKAN_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::pock {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "Pock/Backends/Vulkan/Passes.h.inc"

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_PASSES_H
