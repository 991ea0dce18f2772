//===- TuningSpace.h - the candidates of `pock.tune` ---------- -*- C++ -*-===//

#ifndef POCK_TARGET_TUNINGSPACE_H
#define POCK_TARGET_TUNINGSPACE_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::pock {

/// Returns JSON: `{"target": key, "kernels": {name: {"fingerprint",
/// "tiles"}}}`. `key` is the key of `pock.target` in a tuning file. For every
/// kernel of a module at stage `plan` there is its key in the file, and its
/// tiles `[rows, vectors]`, the cost model's choice first. For a module without
/// kernels, only the target is returned.
FailureOr<std::string> describeTuningSpace(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_TUNINGSPACE_H
