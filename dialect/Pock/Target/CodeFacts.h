//===- CodeFacts.h - what generated code computes with ----------*- C++ -*-===//

#ifndef POCK_TARGET_CODEFACTS_H
#define POCK_TARGET_CODEFACTS_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::pock {

/// Returns facts about the arithmetic of a module at stage `llvm`, as JSON:
/// `fused` (multiply-add with one rounding), `bf16_products` (instructions that
/// round operands to bfloat16), `reassociated` (LLVM may reorder sums), `libm`
/// (the functions of a C library that it calls, sorted).
std::string describeArithmetic(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_CODEFACTS_H
