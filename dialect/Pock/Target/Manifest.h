//===- Manifest.h - what a host needs to run the library --------*- C++ -*-===//

#ifndef POCK_TARGET_MANIFEST_H
#define POCK_TARGET_MANIFEST_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlir::pock {

/// The manifest (JSON, docs/Architecture.md) of a module at stage `plan`; an
/// error at the module if it is at another stage.
FailureOr<std::string> buildManifest(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_MANIFEST_H
