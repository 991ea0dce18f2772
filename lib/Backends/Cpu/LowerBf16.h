//===- LowerBf16.h - bf16 for targets with and without it -----------------===//
#ifndef POCK_BACKENDS_CPU_LOWERBF16_H
#define POCK_BACKENDS_CPU_LOWERBF16_H

#include "TargetDescription.h"

namespace mlir {
class LLVMTypeConverter;
class RewritePatternSet;
} // namespace mlir

namespace mlir::pock {

/// Lowers `pock.dot_pairs`: to the instruction of the target, or to fused
/// multiply-adds. Where the target has no bf16, it is gone afterwards: it is
/// i16 then, rounded and widened by integer operations.
mlir::LogicalResult lowerBf16(mlir::ModuleOp module,
                              const TargetDescription &target);

/// `pock.pair_view` as the same address.
void populatePairViewToLLVMPatterns(const mlir::LLVMTypeConverter &converter,
                                    mlir::RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_LOWERBF16_H
