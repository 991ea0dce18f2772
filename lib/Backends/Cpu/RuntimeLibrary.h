//===- RuntimeLibrary.h - Functions that processors lack ------*- C++ -*-===//
//
// For operations without an instruction, LLVM's code generators call functions
// of the compiler's runtime library: arithmetic of f32 on a processor without a
// floating-point unit, division of 64-bit integers on a processor of 32 bits.
// A program on a microcontroller need not link such a library, and none has
// the `fmaf` that portable arithmetic needs. So code brings its own.
//
// The functions are C (`Runtime/`), which the build translates to LLVM IR for
// either family of processors, and which is part of this library.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_BACKENDS_CPU_RUNTIMELIBRARY_H
#define POCK_BACKENDS_CPU_RUNTIMELIBRARY_H

#include "TargetDescription.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/Module.h"
#include <memory>
#include <set>
#include <string>

namespace mlir::pock {

/// The symbols that these object files use but do not define.
std::set<std::string> undefinedSymbols(llvm::ArrayRef<std::string> objects);

/// A module with those of the runtime's functions that are in `names`; null if
/// none is. They are weak: a program may define them itself.
std::unique_ptr<llvm::Module>
loadRuntimeFunctions(const TargetDescription &target,
                     const std::set<std::string> &names,
                     llvm::LLVMContext &context);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_RUNTIMELIBRARY_H
