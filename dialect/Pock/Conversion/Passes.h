//===- Passes.h - conversions of the pock dialect ---------------*- C++ -*-===//

#ifndef POCK_CONVERSION_PASSES_H
#define POCK_CONVERSION_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::pock {

#define GEN_PASS_DECL
#include "Pock/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "Pock/Conversion/Passes.h.inc"

} // namespace mlir::pock

#endif // POCK_CONVERSION_PASSES_H
