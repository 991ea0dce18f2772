//===- ObjectEmitter.h - LLVM-dialect module -> object code ---------------===//
//
// In-process code generation. All functions are deterministic: the same module
// gives the same bytes.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_TARGET_OBJECTEMITTER_H
#define POCK_TARGET_OBJECTEMITTER_H

#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace mlir::pock {

/// Returns the object files of `module` (LLVM dialect only), which together are
/// its code. Symbols that they share are hidden. The code is
/// position-independent if the target has an operating system. Target and
/// tuning come from the module attribute `pock.target`. Errors are emitted at
/// the module.
mlir::FailureOr<std::vector<std::string>> emitObjects(mlir::ModuleOp module);

/// A named array of bytes that a program only reads.
struct DataSymbol {
  std::string name, bytes;
};

/// Returns an object file with constant arrays of bytes for the target of
/// `module`, each aligned to the target's `alignment`, in its section
/// `.rodata.<name>`. C has no empty arrays: an array without bytes gets one
/// zero.
mlir::FailureOr<std::string> emitData(mlir::ModuleOp module,
                                      llvm::ArrayRef<DataSymbol> symbols);

} // namespace mlir::pock

#endif // POCK_TARGET_OBJECTEMITTER_H
