//===- Passes.h - Passes that back ends share -------------------*- C++ -*-===//
//
// Passes over kernel functions (attribute `pock.kernel`) that a back end may
// use in its kernel pipeline. They convert linalg on tensors to linalg on
// buffers, and place the buffers in memory.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_SHARED_PASSES_H
#define POCK_BACKENDS_SHARED_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::pock {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "Pock/Backends/Shared/Passes.h.inc"

/// Registers the bufferization interfaces (external models) that
/// `pock-bufferize-kernels` needs. Call it before the context is created.
void registerBufferizationModels(mlir::DialectRegistry &registry);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_PASSES_H
