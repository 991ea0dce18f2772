//===- ExactArithmetic.h - Arithmetic that rounds once ----------*- C++ -*-===//
#ifndef POCK_LIB_BACKENDS_VULKAN_EXACTARITHMETIC_H
#define POCK_LIB_BACKENDS_VULKAN_EXACTARITHMETIC_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::pock {

/// Replaces operations on f32 in `shaders` whose bits depend on the device, by
/// calls of functions that compute with integers: divisions, square roots, and
/// fused multiply-adds. The largest and smallest of two numbers become
/// selections, which tell zeros by their signs.
void makeArithmeticExact(gpu::GPUModuleOp shaders);

} // namespace mlir::pock

#endif // POCK_LIB_BACKENDS_VULKAN_EXACTARITHMETIC_H
