//===- TuningSpace.h - what `pock.tune` may choose from ---------*- C++ -*-===//

#ifndef POCK_TARGET_TUNINGSPACE_H
#define POCK_TARGET_TUNINGSPACE_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::pock {

/// JSON: `{"target": key, "kernels": {name: {"fingerprint", "tiles"}}}` with
/// the key of `pock.target` in a tuning file, and for every kernel of a module
/// at stage `plan` its own key and its tiles `[rows, vectors]`, first that of
/// the cost model. A module without kernels has just the target.
FailureOr<std::string> describeTuningSpace(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_TUNINGSPACE_H
