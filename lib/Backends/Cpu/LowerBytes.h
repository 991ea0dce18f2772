//===- LowerBytes.h - Ops on bytes to instructions or arithmetic *- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_LOWERBYTES_H
#define POCK_BACKENDS_CPU_LOWERBYTES_H

#include "TargetDescription.h"

namespace mlir {
class LLVMTypeConverter;
class RewritePatternSet;
} // namespace mlir

namespace mlir::pock {

/// Lowers `pock.dot_quads` to loops around `pock.dot`, and `pock.widen_bytes`
/// and `pock.multiply_halves`, with the target's instructions
/// (Isa/ByteInstructions.h) or with arithmetic.
mlir::LogicalResult lowerBytes(mlir::ModuleOp module,
                               const TargetDescription &target);

/// Lowers `pock.load_word`.
void populateLoadWordToLLVMPatterns(const mlir::LLVMTypeConverter &converter,
                                    mlir::RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_LOWERBYTES_H
