//===- TargetMachine.h - LLVM's machine for a target ------------*- C++ -*-===//

#ifndef POCK_BACKENDS_CPU_TARGETMACHINE_H
#define POCK_BACKENDS_CPU_TARGETMACHINE_H

#include "TargetDescription.h"

#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace mlir::pock {

/// The triple of `target`, the host's if it names none.
llvm::Triple tripleOf(const TargetDescription &target);

/// Whether the processor of `target`, with the target's features, has all of
/// `features` ("+avx512vl").
bool hasFeatures(const TargetDescription &target,
                 llvm::ArrayRef<llvm::StringLiteral> features);

/// An error if the triple of `target` is of a processor that this back end has
/// no code for (GPUs, virtual machines), or one that LLVM does not know.
llvm::Error checkTriple(const TargetDescription &target);

/// Returns the LLVM machine that generates code for a target. An error is
/// emitted where `checkTriple` returns one.
FailureOr<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const TargetDescription &target,
                    llvm::function_ref<InFlightDiagnostic()> emitError);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_TARGETMACHINE_H
