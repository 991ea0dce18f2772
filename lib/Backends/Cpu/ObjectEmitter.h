//===- ObjectEmitter.h - LLVM-dialect module -> object code ---------------===//
//
// In-process code generation. All functions are deterministic: the same module
// gives the same bytes.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_OBJECTEMITTER_H
#define POCK_BACKENDS_CPU_OBJECTEMITTER_H

#include "Pock/Target/TargetBackend.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace mlir::pock {

/// Returns the object files of `module` (LLVM dialect only), which together are
/// its code. Symbols that they share are hidden. The code is
/// position-independent if the target has an operating system. Target and
/// tuning come from the module attribute `pock.target`. Errors are emitted at
/// the module.
mlir::FailureOr<Binaries> emitObjects(mlir::ModuleOp module);

/// Returns an object file with constant arrays of bytes for the target of
/// `module`, each aligned to the target's `alignment`, in its section
/// `.rodata.<name>`. C has no empty arrays: an array without bytes gets one
/// zero.
mlir::FailureOr<std::string> emitDataObject(mlir::ModuleOp module,
                                            llvm::ArrayRef<DataSymbol> symbols);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_OBJECTEMITTER_H
