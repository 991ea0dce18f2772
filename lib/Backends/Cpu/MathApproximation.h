//===- MathApproximation.h - elementary functions as formulas ---*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_MATHAPPROXIMATION_H
#define POCK_BACKENDS_CPU_MATHAPPROXIMATION_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::pock {

/// Elementary functions of f32 (scalars and vectors) as formulas of our own,
/// where they are better than upstream's. The error bounds stand beside them.
void populateMathApproximationPatterns(mlir::RewritePatternSet &patterns);

/// math.floor and math.roundeven on f32 as additions, exactly: for targets
/// without an instruction, whose C library would be called.
void populateRoundingPatterns(mlir::RewritePatternSet &patterns);

/// math.sin and math.cos on f32, of numbers of any size.
void populateTrigonometryPatterns(mlir::RewritePatternSet &patterns,
                                  mlir::PatternBenefit benefit);

/// math.powf on f32 as exp(y log |x|), with a relative error of 2e-7
/// (1 + |y log x|), and arith.remf on f32, exact for quotients below 2^24: for
/// targets without a C library, and where results must not depend on which one
/// there is.
void populateLibraryPatterns(mlir::RewritePatternSet &patterns);

/// Conversions between i64 and f32 as integer arithmetic, exactly.
void populateWideConversionPatterns(mlir::RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_MATHAPPROXIMATION_H
