//===- KernelFingerprint.h - what makes two kernels equal -------*- C++ -*-===//

#ifndef POCK_TRANSFORMS_KERNELFINGERPRINT_H
#define POCK_TRANSFORMS_KERNELFINGERPRINT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace mlir::pock {

/// The text of a kernel at stage `kernels` without its name and locations:
/// equal kernels have equal texts.
std::string kernelText(func::FuncOp kernel);

/// 16 hexadecimal digits, a hash of that text: the kernel's key in a tuning
/// file. The same in every process, and in every model that has the kernel.
std::string kernelFingerprint(func::FuncOp kernel);

} // namespace mlir::pock

#endif // POCK_TRANSFORMS_KERNELFINGERPRINT_H
