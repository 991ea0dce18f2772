//===- EmptyPatterns.h - folds of tensors without entries ----- -*- C++ -*-===//

#ifndef POCK_IR_EMPTYPATTERNS_H
#define POCK_IR_EMPTYPATTERNS_H

namespace mlir {
class RewritePatternSet;
}

namespace mlir::pock {

/// The label of the patterns, for pipelines that must disable them.
inline constexpr char emptyPatternsLabel[] = "pock-empty";

/// Canonicalisation patterns for all ops with an operand or a result without
/// entries.
void populateEmptyPatterns(RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_IR_EMPTYPATTERNS_H
