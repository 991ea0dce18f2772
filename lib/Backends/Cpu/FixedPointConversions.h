//===- FixedPointConversions.h - Helium's VCVT of fixed point ---*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_FIXEDPOINTCONVERSIONS_H
#define POCK_BACKENDS_CPU_FIXEDPOINTCONVERSIONS_H

#include "TargetDescription.h"
#include "llvm/IR/Module.h"

namespace mlir::pock {

/// Replaces conversions of vectors from and to fixed-point numbers by
/// intrinsics on processors with Helium. Call it after LLVM's optimiser, which
/// makes such conversions too.
void useFixedPointIntrinsics(llvm::Module &module,
                             const TargetDescription &target);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_FIXEDPOINTCONVERSIONS_H
