//===- KernelTuning.cpp - measured choices of kernels ---------------------===//

#include "KernelTuning.h"

using namespace mlir;
using namespace mlir::pock;

LogicalResult mlir::pock::verifyChoice(ModuleOp module, Attribute choice,
                                       const Twine &what) {
  auto entries = dyn_cast<DictionaryAttr>(choice);
  if (!entries)
    return module.emitError("expected ")
           << what << " to be a dictionary, but got " << choice;
  for (NamedAttribute entry : entries) {
    StringRef key = entry.getName();
    if (key == "tile") {
      auto tile = dyn_cast<DenseI64ArrayAttr>(entry.getValue());
      if (!tile || tile.size() != 2 || tile[0] < 1 || tile[1] < 1)
        return module.emitError("expected 'tile' of ")
               << what
               << " to be 'array<i64: rows, vectors>', both positive, but got "
               << entry.getValue();
    } else if (key == "algorithm") {
      if (!isa<StringAttr>(entry.getValue()))
        return module.emitError("expected 'algorithm' of ")
               << what << " to be a string, but got " << entry.getValue();
    } else {
      return module.emitError("unknown key '") << key << "' in " << what;
    }
  }
  return success();
}

void mlir::pock::applyChoice(func::FuncOp kernel, DictionaryAttr choice) {
  for (NamedAttribute entry : choice)
    kernel->setAttr("pock." + entry.getName().str(), entry.getValue());
}
