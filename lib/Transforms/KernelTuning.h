//===- KernelTuning.h - what tuning may choose for a kernel -----*- C++ -*-===//

#ifndef POCK_TRANSFORMS_KERNELTUNING_H
#define POCK_TRANSFORMS_KERNELTUNING_H

#include "Pock/IR/AttributeNames.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {

/// Puts a choice, which the dialect has verified, on a kernel.
inline void applyChoice(func::FuncOp kernel, DictionaryAttr choice) {
  for (StringRef name :
       {StringRef(attribute::tile), StringRef(attribute::algorithm)})
    if (Attribute chosen = choice.get(name.substr(StringRef("pock.").size())))
      kernel->setAttr(name, chosen);
}

} // namespace mlir::pock

#endif // POCK_TRANSFORMS_KERNELTUNING_H
