//===- LowerDot.h - pock.dot to instructions or multiply-adds ---*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_LOWERDOT_H
#define POCK_BACKENDS_CPU_LOWERDOT_H

#include "TargetDescription.h"

namespace mlir {
class LLVMTypeConverter;
class RewritePatternSet;
} // namespace mlir

namespace mlir::pock {

/// Lowers `pock.dot` to an instruction of the target (Isa/GroupProduct.h), or
/// to multiply-adds.
mlir::LogicalResult lowerDots(mlir::ModuleOp module,
                              const TargetDescription &target);

/// Lowers `pock.group_view` to the address of its source.
void populateGroupViewToLLVMPatterns(const mlir::LLVMTypeConverter &converter,
                                     mlir::RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_LOWERDOT_H
