//===- KernelRoleOpInterface.cpp - roles of ops in kernels ----------------===//

#include "Pock/Interfaces/KernelRoleOpInterface.h"

using namespace mlir;

#include "Pock/Interfaces/KernelRoleOpInterface.cpp.inc"

pock::KernelRole pock::getKernelRole(Operation *op) {
  auto kernelOp = dyn_cast<KernelRoleOpInterface>(op);
  return kernelOp ? kernelOp.getKernelRole() : KernelRole::Absent;
}
