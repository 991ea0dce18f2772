//===- TuningSpace.cpp - what `pock.tune` may choose from -----------------===//

#include "Pock/Target/TuningSpace.h"

#include "Pock/Codegen/Tiles.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace mlir::pock;
namespace json = llvm::json;

/// CPU and vector size for people, and a hash of all that decides how fast code
/// is: `znver4-64-1f09a3c2`.
static std::string keyOf(const TargetDescription &target) {
  std::string text;
  llvm::raw_string_ostream(text)
      << target.triple << ' ' << target.cpu << ' ' << target.features << ' '
      << target.vectorBytes << ' ' << target.vectorRegisters;
  llvm::SHA256 hash;
  hash.update(text);
  std::string digits = llvm::toHex(hash.final(), /*LowerCase=*/true);
  StringRef cpu = target.cpu.empty() ? StringRef("generic") : target.cpu;
  return (cpu + "-" + Twine(target.vectorBytes) + "-" + digits.substr(0, 8))
      .str();
}

FailureOr<std::string> mlir::pock::describeTuningSpace(ModuleOp module) {
  TargetDescription target = TargetDescription::of(module);
  json::Object kernels;
  for (auto kernel : module.getOps<func::FuncOp>()) {
    auto fingerprint = kernel->getAttrOfType<StringAttr>("pock.fingerprint");
    if (!fingerprint || kernel.isExternal())
      continue;
    json::Array tiles;
    for (auto [rows, vectors] : listTiles(kernel, target))
      tiles.push_back(json::Array{rows, vectors});
    kernels[kernel.getSymName()] = json::Object{
        {"fingerprint", fingerprint.getValue()}, {"tiles", std::move(tiles)}};
  }
  json::Value space =
      json::Object{{"target", keyOf(target)}, {"kernels", std::move(kernels)}};
  std::string text;
  llvm::raw_string_ostream(text) << space;
  return text;
}
