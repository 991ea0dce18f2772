//===- DiagnosticFacts.h - what a diagnostic says, as data ------*- C++ -*-===//
//
// A host that turns a diagnostic into an error of its own reads facts, not the
// sentence. They travel as the diagnostic's metadata, which nothing prints: a
// dictionary whose entry `kind` says what the others mean. Values are strings,
// integers, locations, and arrays and dictionaries of these.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_IR_DIAGNOSTICFACTS_H
#define POCK_IR_DIAGNOSTICFACTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"

namespace mlir::pock {

/// Gives a diagnostic facts of a kind.
inline void addFacts(InFlightDiagnostic &diag, StringRef kind,
                     SmallVector<NamedAttribute> facts) {
  Diagnostic *diagnostic = diag.getUnderlyingDiagnostic();
  if (!diagnostic)
    return;
  Builder builder(diagnostic->getLocation().getContext());
  facts.push_back(builder.getNamedAttr("kind", builder.getStringAttr(kind)));
  diagnostic->getMetadata().push_back(
      DiagnosticArgument(Attribute(builder.getDictionaryAttr(facts))));
}

/// The kind of facts that say that a memory limit cannot be met: `limit`,
/// `smallest`, `reason`, `tensors`.
inline constexpr llvm::StringLiteral kMemoryLimitFacts("memory limit");

/// The facts of `kind` that a diagnostic has; null if it has none.
inline DictionaryAttr findFacts(const Diagnostic &diagnostic, StringRef kind) {
  for (const DiagnosticArgument &argument :
       const_cast<Diagnostic &>(diagnostic).getMetadata())
    if (argument.getKind() ==
        DiagnosticArgument::DiagnosticArgumentKind::Attribute)
      if (auto facts = dyn_cast<DictionaryAttr>(argument.getAsAttribute()))
        if (auto name = facts.getAs<StringAttr>("kind"); name && name == kind)
          return facts;
  return {};
}

} // namespace mlir::pock

#endif // POCK_IR_DIAGNOSTICFACTS_H
