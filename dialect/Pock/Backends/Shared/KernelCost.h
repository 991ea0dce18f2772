//===- KernelCost.h - what a kernel computes and moves ----------*- C++ -*-===//

#ifndef POCK_BACKENDS_SHARED_KERNELCOST_H
#define POCK_BACKENDS_SHARED_KERNELCOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <cstdint>

namespace mlir::pock {

/// The work of one launch, read off the kernel before code generation.
struct KernelCost {
  /// Operations on numbers, floats and integers alike: a multiply-add is two, a
  /// mathematical function one; comparing, selecting, converting and shifting
  /// are none, nor is what computes an index.
  int64_t flops = 0;
  /// Bytes of the arguments that the kernel reads, and that it writes; each
  /// byte once. Workspace does not count: it need not leave the cache.
  int64_t bytesRead = 0, bytesWritten = 0;
};

/// The cost of a kernel at stage `plan`. A loop whose number of iterations is
/// not static counts as one iteration.
KernelCost costOf(func::FuncOp kernel);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_KERNELCOST_H
