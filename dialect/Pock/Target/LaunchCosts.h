//===- LaunchCosts.h - operations and bytes of launches ------- -*- C++ -*-===//

#ifndef POCK_TARGET_LAUNCHCOSTS_H
#define POCK_TARGET_LAUNCHCOSTS_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::pock {

/// Returns JSON for a module at stage `plan`; emits an error at a module of
/// another stage. `{"kernels": {name: {"flops", "bytes_read",
/// "bytes_written"}}, "functions": {name: [{"kernel", "layers", "phase"},
/// …]}}`, with one entry per launch of a function with outputs. `layers` are
/// paths in the model; the path of the kernel's first op comes first.
FailureOr<std::string> describeCosts(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_LAUNCHCOSTS_H
