//===- LowerBf16.h - bf16 for targets with and without it -----------------===//
#ifndef POCK_BACKENDS_CPU_LOWERBF16_H
#define POCK_BACKENDS_CPU_LOWERBF16_H

#include "TargetDescription.h"

namespace mlir::pock {

/// Replaces bf16 by i16 if the target has no bf16: integer operations round and
/// widen.
mlir::LogicalResult lowerBf16(mlir::ModuleOp module,
                              const TargetDescription &target);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_LOWERBF16_H
