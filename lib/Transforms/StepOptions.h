//===- StepOptions.h - options of a training step ------------- -*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_STEPOPTIONS_H
#define POCK_LIB_TRANSFORMS_STEPOPTIONS_H

#include "Pock/IR/Pock.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace mlir::pock {

/// The module attributes that `pock-build-step` reads.
struct StepOptions {
  /// `pock.optimizer`: one per parameter group.
  SmallVector<OptimizerAttrInterface> optimizers;
  /// `pock.optimizer_group`: parameter -> group; absent parameters are in 0.
  DictionaryAttr groups;
  /// `pock.accumulate`: number of gradients per update.
  int64_t accumulate = 1;
  /// `pock.rounding`: whether changes of quantised parameters are rounded at
  /// random.
  bool stochastic = true;
  /// `pock.clip_grad_value` and `pock.clip_grad_norm`; absent: no limit.
  std::optional<double> clipValue, clipNorm;

  /// Reads and checks the attributes of `module`.
  static FailureOr<StepOptions> get(ModuleOp module);
  static void removeFrom(ModuleOp module);

  int64_t groupOf(ParamOp param) const;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_STEPOPTIONS_H
