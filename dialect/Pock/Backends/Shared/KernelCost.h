//===- KernelCost.h - operations and bytes of a kernel -------- -*- C++ -*-===//

#ifndef POCK_BACKENDS_SHARED_KERNELCOST_H
#define POCK_BACKENDS_SHARED_KERNELCOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <cstdint>

namespace mlir::pock {

/// The work of one launch, computed from the kernel before code generation.
struct KernelCost {
  /// Operations on floats and integers. A multiply-add counts two, a
  /// mathematical function one. Comparing, selecting, converting and shifting
  /// count zero, and so does computing an index.
  int64_t flops = 0;
  /// Bytes of the arguments that the kernel reads and writes, each byte once.
  /// Workspace does not count: it need not leave the cache.
  int64_t bytesRead = 0, bytesWritten = 0;
};

/// The cost of a kernel at stage `plan`. A loop whose number of iterations is
/// not static counts as one iteration.
KernelCost costOf(func::FuncOp kernel);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_KERNELCOST_H
