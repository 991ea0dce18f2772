//===- Passes.h - The passes of the CPU back end ----------------*- C++ -*-===//
//
// These passes choose algorithms, copies and blocks for the caches of a
// processor, and lower kernels and the functions that launch them to the LLVM
// dialect.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_PASSES_H
#define POCK_BACKENDS_CPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::pock {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "Pock/Backends/Cpu/Passes.h.inc"

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_PASSES_H
