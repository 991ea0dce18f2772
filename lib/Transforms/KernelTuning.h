//===- KernelTuning.h - what tuning may choose for a kernel -----*- C++ -*-===//

#ifndef POCK_TRANSFORMS_KERNELTUNING_H
#define POCK_TRANSFORMS_KERNELTUNING_H

#include "Pock/IR/AttributeNames.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {

/// Puts a choice, which the dialect has verified, on a kernel.
inline void applyChoice(func::FuncOp kernel, DictionaryAttr choice) {
  if (Attribute tile = choice.get("tile"))
    kernel->setAttr(attribute::tile, tile);
  if (Attribute algorithm = choice.get("algorithm"))
    kernel->setAttr(attribute::algorithm, algorithm);
}

} // namespace mlir::pock

#endif // POCK_TRANSFORMS_KERNELTUNING_H
