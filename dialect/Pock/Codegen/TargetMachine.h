//===- TargetMachine.h - LLVM's machine for a target ------------*- C++ -*-===//

#ifndef POCK_CODEGEN_TARGETMACHINE_H
#define POCK_CODEGEN_TARGETMACHINE_H

#include "Pock/Codegen/TargetDescription.h"

#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace mlir::pock {

/// Returns the LLVM machine that generates code for a target. Emits an error
/// for a processor that this back end does not support (GPUs, virtual
/// machines), and for a triple that LLVM does not know.
FailureOr<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const TargetDescription &target,
                    llvm::function_ref<InFlightDiagnostic()> emitError);

} // namespace mlir::pock

#endif // POCK_CODEGEN_TARGETMACHINE_H
