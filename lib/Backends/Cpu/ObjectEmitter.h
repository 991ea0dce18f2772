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

/// Object files of `module` (LLVM dialect only), which together are its code;
/// symbols that they share are hidden. Position-independent where there is an
/// operating system. Target and tuning
/// come from the module attribute `pock.target`. Errors are emitted at the
/// module.
mlir::FailureOr<Binaries> emitObjects(mlir::ModuleOp module);

/// An object file with constant arrays of bytes for the target of `module`,
/// each aligned to the target's `alignment`, in its section `.rodata.<name>`. C
/// has no empty arrays: one without bytes has a zero.
mlir::FailureOr<std::string> emitDataObject(mlir::ModuleOp module,
                                            llvm::ArrayRef<DataSymbol> symbols);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_OBJECTEMITTER_H
