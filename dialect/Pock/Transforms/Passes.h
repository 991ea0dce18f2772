//===- Passes.h - passes on the pock dialect --------------------*- C++ -*-===//

#ifndef POCK_TRANSFORMS_PASSES_H
#define POCK_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::pock {

#define GEN_PASS_DECL
#include "Pock/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "Pock/Transforms/Passes.h.inc"

} // namespace mlir::pock

#endif // POCK_TRANSFORMS_PASSES_H
