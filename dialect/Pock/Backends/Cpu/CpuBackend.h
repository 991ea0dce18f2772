//===- CpuBackend.h - Processors that LLVM generates code for ---*- C++ -*-===//

#ifndef POCK_BACKENDS_CPU_CPUBACKEND_H
#define POCK_BACKENDS_CPU_CPUBACKEND_H

namespace mlir::pock {

/// Registers the back end `cpu` with the registry of Pock/Target.
void registerCpuBackend();

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_CPUBACKEND_H
