//===- LowerDot.h - pock.dot as an instruction, or as others ----*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_LOWERDOT_H
#define POCK_BACKENDS_CPU_LOWERDOT_H

#include "TargetDescription.h"

namespace mlir {
class LLVMTypeConverter;
class RewritePatternSet;
} // namespace mlir

namespace mlir::pock {

/// Lowers `pock.dot`: to the instruction of the target that a row of
/// Isa/GroupProduct.h names, or to multiply-adds.
mlir::LogicalResult lowerDots(mlir::ModuleOp module,
                              const TargetDescription &target);

/// `pock.group_view` as the same address.
void populateGroupViewToLLVMPatterns(const mlir::LLVMTypeConverter &converter,
                                     mlir::RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_LOWERDOT_H
