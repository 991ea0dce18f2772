//===- LaunchCosts.h - what launches compute and move -----------*- C++ -*-===//

#ifndef POCK_TARGET_LAUNCHCOSTS_H
#define POCK_TARGET_LAUNCHCOSTS_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::pock {

/// JSON of a module at stage `plan`; an error at the module if it is at another
/// stage: `{"kernels": {name: {"flops", "bytes_read", "bytes_written"}},
/// "functions": {name: [{"kernel", "layers", "phase"}, …]}}`, one entry per
/// launch of a function with outputs. `layers` are paths in the model, that of
/// the kernel's first op first.
FailureOr<std::string> describeCosts(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_LAUNCHCOSTS_H
