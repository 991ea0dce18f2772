//===- Manifest.h - the JSON description of a compiled module - -*- C++ -*-===//

#ifndef POCK_TARGET_MANIFEST_H
#define POCK_TARGET_MANIFEST_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::pock {

/// Returns the manifest (JSON, docs/Architecture.md) of a module at stage
/// `plan`; emits an error at a module of another stage.
FailureOr<std::string> buildManifest(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_MANIFEST_H
