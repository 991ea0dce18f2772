//===- MathApproximation.h - elementary functions as formulas ---*- C++ -*-===//
#ifndef POCK_CODEGEN_MATHAPPROXIMATION_H
#define POCK_CODEGEN_MATHAPPROXIMATION_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::pock {

/// Elementary functions of f32 (scalars and vectors) as formulas of our own,
/// where they are better than upstream's. The error bounds stand beside them.
void populateMathApproximationPatterns(mlir::RewritePatternSet &patterns);

/// math.floor and math.roundeven on f32 as additions, exactly: for targets
/// without an instruction, whose C library would be called.
void populateRoundingPatterns(mlir::RewritePatternSet &patterns);

/// Conversions from 64-bit integers to f32, correctly rounded, by 32-bit ones:
/// for targets without an instruction, whose runtime library would be called.
void populateWideConversionPatterns(mlir::RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_CODEGEN_MATHAPPROXIMATION_H
