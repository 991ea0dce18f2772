//===- Passes.h - Passes that run the back end's pipelines ------*- C++ -*-===//

#ifndef POCK_TARGET_PASSES_H
#define POCK_TARGET_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::pock {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "Pock/Target/Passes.h.inc"

} // namespace mlir::pock

#endif // POCK_TARGET_PASSES_H
