//===- Passes.h - From linalg kernels to LLVM -----------------------------===//
//
// The passes that turn kernel functions (attribute `pock.kernel`, linalg on
// tensors) into LLVM-dialect functions.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_CODEGEN_PASSES_H
#define POCK_CODEGEN_PASSES_H

#include "mlir/Pass/Pass.h"
#include <memory>

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace mlir::pock {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "Pock/Codegen/Passes.h.inc"

/// Registers the bufferization interfaces (external models) that
/// `pock-bufferize-kernels` needs. Call it before the context is created.
void registerCodegenExtensions(mlir::DialectRegistry &registry);

/// Kernels on tensors -> kernels on memrefs, scratch placed.
void buildKernelBufferizePipeline(mlir::OpPassManager &pm);

/// Kernels on memrefs -> vectors -> the LLVM dialect (the whole module).
void buildLowerToLLVMPipeline(mlir::OpPassManager &pm);

} // namespace mlir::pock

#endif // POCK_CODEGEN_PASSES_H
