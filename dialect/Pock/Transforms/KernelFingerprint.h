//===- KernelFingerprint.h - equality of kernels -------------- -*- C++ -*-===//

#ifndef POCK_TRANSFORMS_KERNELFINGERPRINT_H
#define POCK_TRANSFORMS_KERNELFINGERPRINT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace mlir::pock {

/// The text of a kernel at stage `kernels` without its name and locations:
/// equal kernels have equal texts.
std::string kernelText(func::FuncOp kernel);

/// A hash of that text, 16 hexadecimal digits: the kernel's key in a tuning
/// file. It is the same in every process, and in every model that has the
/// kernel.
std::string kernelFingerprint(func::FuncOp kernel);

} // namespace mlir::pock

#endif // POCK_TRANSFORMS_KERNELFINGERPRINT_H
