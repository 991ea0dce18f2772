//===- TargetMachine.h - LLVM's machine for a target ------------*- C++ -*-===//

#ifndef POCK_BACKENDS_CPU_TARGETMACHINE_H
#define POCK_BACKENDS_CPU_TARGETMACHINE_H

#include "TargetDescription.h"

#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace mlir::pock {

/// The triple of `target`, or the host's if it is empty.
llvm::Triple tripleOf(const TargetDescription &target);

/// Whether the processor of `target`, with the target's features, has all
/// `features` ("+avx512vl").
bool hasFeatures(const TargetDescription &target,
                 llvm::ArrayRef<llvm::StringLiteral> features);

/// LLVM's names of all features that the processor of `target` has.
SmallVector<std::string> listFeatures(const TargetDescription &target);

/// The unit that a program on a microcontroller has to switch on before it runs
/// code of the target, `FPU` or `FPU and Helium`; empty if there is none.
StringRef floatUnitOf(const TargetDescription &target);

/// An error if this back end does not support the processor in the triple of
/// `target` (GPUs, virtual machines), or if LLVM does not know it.
llvm::Error checkTriple(const TargetDescription &target);

/// Returns the LLVM machine that generates code for a target. Emits an error
/// if `checkTriple` returns one.
FailureOr<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const TargetDescription &target,
                    llvm::function_ref<InFlightDiagnostic()> emitError);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_TARGETMACHINE_H
