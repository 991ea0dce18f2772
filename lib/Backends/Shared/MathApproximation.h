//===- MathApproximation.h - elementary functions as formulas ---*- C++ -*-===//
#ifndef POCK_BACKENDS_SHARED_MATHAPPROXIMATION_H
#define POCK_BACKENDS_SHARED_MATHAPPROXIMATION_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::pock {

/// Expands functions that are made of others, such as math.sinh. To be applied
/// before `populateFormulaPatterns`.
void populateCompositionPatterns(mlir::RewritePatternSet &patterns);

/// Expands elementary functions of f32 (scalars and vectors): by formulas that
/// are better than upstream's, whose comments give error bounds, or else by
/// upstream's.
void populateFormulaPatterns(mlir::RewritePatternSet &patterns);

/// Expands math.floor and math.roundeven on f32 to additions, with exact
/// results: for targets without an instruction, which would call a C library.
void populateRoundingPatterns(mlir::RewritePatternSet &patterns);

/// Expands math.sin and math.cos on f32, for numbers of any size, with integers
/// of 64 bits; a part of `populateFormulaPatterns`.
void populateTrigonometryPatterns(mlir::RewritePatternSet &patterns,
                                  mlir::PatternBenefit benefit);

/// Expands math.powf on f32 to exp(y log |x|), with a relative error of 2e-7
/// (1 + |y log x|), and arith.remf on f32, exactly for quotients below 2^24:
/// for targets without a C library, and for results that do not depend on the
/// C library.
void populateLibraryPatterns(mlir::RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_MATHAPPROXIMATION_H
