//===- PockPadFolds.h - gradients of slices meet ----------------*- C++ -*-===//

#ifndef POCK_LIB_IR_POCKPADFOLDS_H
#define POCK_LIB_IR_POCKPADFOLDS_H

namespace mlir {
class RewritePatternSet;
}

namespace mlir::pock {

/// Patterns on sums of padded tensors: the canonical form of what
/// differentiation makes of several slices of one value.
void populatePadPatterns(RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_LIB_IR_POCKPADFOLDS_H
