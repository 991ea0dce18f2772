//===- TuningSpace.cpp - the candidates of `pock.tune` --------------------===//

#include "Pock/Target/TuningSpace.h"
#include "Pock/IR/AttributeNames.h"

#include "Pock/Target/TargetBackend.h"

#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::pock;
namespace json = llvm::json;

FailureOr<std::string> mlir::pock::describeTuningSpace(ModuleOp module) {
  FailureOr<const TargetBackend *> backend = findTargetBackend(module);
  if (failed(backend))
    return failure();
  json::Object kernels;
  for (auto kernel : module.getOps<func::FuncOp>()) {
    auto fingerprint =
        kernel->getAttrOfType<StringAttr>(attribute::fingerprint);
    if (!fingerprint || kernel.isExternal())
      continue;
    json::Array tiles;
    for (ArrayRef<int64_t> tile : (*backend)->listTiles(kernel))
      tiles.push_back(json::Array(tile));
    json::Array algorithms((*backend)->listAlgorithms(kernel));
    kernels[kernel.getSymName()] =
        json::Object{{"fingerprint", fingerprint.getValue()},
                     {"tiles", std::move(tiles)},
                     {"algorithms", std::move(algorithms)}};
  }
  json::Value space =
      json::Object{{"target", (*backend)->getTuningKey(targetOf(module))},
                   {"kernels", std::move(kernels)}};
  std::string text;
  llvm::raw_string_ostream(text) << space;
  return text;
}
