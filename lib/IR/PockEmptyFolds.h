//===- PockEmptyFolds.h - tensors without entries go away -------*- C++ -*-===//

#ifndef POCK_LIB_IR_POCKEMPTYFOLDS_H
#define POCK_LIB_IR_POCKEMPTYFOLDS_H

namespace mlir {
class RewritePatternSet;
}

namespace mlir::pock {

/// Patterns on all ops that have an operand or a result without entries.
void populateEmptyPatterns(RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_LIB_IR_POCKEMPTYFOLDS_H
