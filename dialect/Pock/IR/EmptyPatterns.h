//===- EmptyPatterns.h - tensors without entries go away --------*- C++ -*-===//

#ifndef POCK_IR_EMPTYPATTERNS_H
#define POCK_IR_EMPTYPATTERNS_H

namespace mlir {
class RewritePatternSet;
}

namespace mlir::pock {

/// The label of the patterns, for pipelines that do not want them yet.
inline constexpr char emptyPatternsLabel[] = "pock-empty";

/// Canonicalisation of all ops that have an operand or a result without
/// entries.
void populateEmptyPatterns(RewritePatternSet &patterns);

} // namespace mlir::pock

#endif // POCK_IR_EMPTYPATTERNS_H
