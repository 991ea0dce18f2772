//===- WideArithmetic.h - 64-bit integers on narrow processors --*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_WIDEARITHMETIC_H
#define POCK_BACKENDS_CPU_WIDEARITHMETIC_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::pock {

/// Expands conversions between i64 and f32 to integer arithmetic, with exact
/// results.
void populateWideConversionPatterns(mlir::RewritePatternSet &patterns);

/// Splits 64-bit arithmetic on vectors, between extension from 32 bits and
/// truncation to 32, into even and odd lanes: for x86.
void populateWideLanePatterns(mlir::RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_WIDEARITHMETIC_H
