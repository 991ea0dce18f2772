//===- KernelTuning.h - what tuning may choose for a kernel -----*- C++ -*-===//

#ifndef POCK_TRANSFORMS_KERNELTUNING_H
#define POCK_TRANSFORMS_KERNELTUNING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {

/// Checks `{tile = array<i64: rows, vectors>, algorithm = "name"}`, both
/// optional. Errors are emitted at `module` and call the choice `what`.
LogicalResult verifyChoice(ModuleOp module, Attribute choice,
                           const Twine &what);

/// Puts a verified choice on a kernel, as `pock.tile` and `pock.algorithm`.
void applyChoice(func::FuncOp kernel, DictionaryAttr choice);

} // namespace mlir::pock

#endif // POCK_TRANSFORMS_KERNELTUNING_H
