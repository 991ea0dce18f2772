//===- Interfaces.cpp - interfaces of ops and attributes ------------------===//

#include "Pock/Interfaces/DecomposableOpInterface.h"
#include "Pock/Interfaces/ElementwiseOpInterface.h"
#include "Pock/Interfaces/KernelRoleOpInterface.h"
#include "Pock/Interfaces/OptimizerAttrInterface.h"
#include "Pock/Interfaces/VjpOpInterface.h"

using namespace mlir;

#include "Pock/Interfaces/DecomposableOpInterface.cpp.inc"
#include "Pock/Interfaces/ElementwiseOpInterface.cpp.inc"
#include "Pock/Interfaces/KernelRoleOpInterface.cpp.inc"
#include "Pock/Interfaces/OptimizerAttrInterface.cpp.inc"
#include "Pock/Interfaces/VjpOpInterface.cpp.inc"

pock::KernelRole pock::getKernelRole(Operation *op) {
  auto kernelOp = dyn_cast<KernelRoleOpInterface>(op);
  return kernelOp ? kernelOp.getKernelRole() : KernelRole::Absent;
}
