//===- KernelTuning.h - measured choices of kernels ----------- -*- C++ -*-===//

#ifndef POCK_TRANSFORMS_KERNELTUNING_H
#define POCK_TRANSFORMS_KERNELTUNING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {

/// Checks `{tile = array<i64: rows, vectors>, algorithm = "name"}`; both
/// entries are optional. Emits errors at `module`, in which `what` names the
/// choice.
LogicalResult verifyChoice(ModuleOp module, Attribute choice,
                           const Twine &what);

/// Sets a verified choice on a kernel, as `pock.tile` and `pock.algorithm`.
void applyChoice(func::FuncOp kernel, DictionaryAttr choice);

} // namespace mlir::pock

#endif // POCK_TRANSFORMS_KERNELTUNING_H
