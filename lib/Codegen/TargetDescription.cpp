//===- TargetDescription.cpp - Parsing of `pock.target` -------------------===//

#include "Pock/Codegen/TargetDescription.h"
#include "Pock/IR/PockUtils.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <algorithm>
#include <unistd.h>

using namespace mlir;

namespace mlir::pock {

FailureOr<TargetDescription> TargetDescription::get(ModuleOp module) {
  TargetDescription target;
  if (Attribute arithmetic = module->getAttr("pock.arithmetic")) {
    auto name = dyn_cast<StringAttr>(arithmetic);
    if (!name || (name != "fast" && name != "portable"))
      return module.emitError("expected 'pock.arithmetic' to be \"fast\" or "
                              "\"portable\", but got ")
             << arithmetic;
    target.portable = name == "portable";
  }
  Attribute attr = module->getAttr("pock.target");
  if (!attr)
    return target;
  auto dict = dyn_cast<DictionaryAttr>(attr);
  if (!dict)
    return module.emitError("expected 'pock.target' to be a dictionary");

  for (NamedAttribute entry : dict) {
    StringRef key = entry.getName();
    std::string *text = llvm::StringSwitch<std::string *>(key)
                            .Case("triple", &target.triple)
                            .Case("cpu", &target.cpu)
                            .Case("features", &target.features)
                            .Default(nullptr);
    int64_t *number = llvm::StringSwitch<int64_t *>(key)
                          .Case("index_bits", &target.indexBits)
                          .Case("vector_bytes", &target.vectorBytes)
                          .Case("vector_registers", &target.vectorRegisters)
                          .Case("l1_bytes", &target.l1Bytes)
                          .Case("l2_bytes", &target.l2Bytes)
                          .Case("alignment", &target.alignment)
                          .Case("stack_bytes", &target.stackBytes)
                          .Case("threads", &target.threads)
                          .Default(nullptr);
    if (text) {
      auto value = dyn_cast<StringAttr>(entry.getValue());
      if (!value)
        return module.emitError("expected 'pock.target' entry '")
               << key << "' to be a string, but got " << entry.getValue();
      *text = value.str();
    } else if (number) {
      auto value = dyn_cast<IntegerAttr>(entry.getValue());
      if (!value)
        return module.emitError("expected 'pock.target' entry '")
               << key << "' to be an integer, but got " << entry.getValue();
      *number = value.getInt();
    } else {
      return module.emitError("unknown 'pock.target' entry '") << key << "'";
    }
  }
  // With three components, as toolchains are called, LLVM would take the ABI
  // for the system, and pass floats as integers.
  if (!target.triple.empty())
    target.triple = llvm::Triple::normalize(target.triple);

  if (target.indexBits != 32 && target.indexBits != 64)
    return module.emitError("expected 'index_bits' to be 32 or 64, but got ")
           << target.indexBits;
  if (target.vectorBytes < 0 || target.vectorBytes > 256 ||
      (target.vectorBytes && !llvm::isPowerOf2_64(target.vectorBytes)))
    return module.emitError("expected 'vector_bytes' to be 0 or a power of two "
                            "up to 256, but got ")
           << target.vectorBytes;
  if (target.vectorRegisters < 1)
    return module.emitError("expected 'vector_registers' to be positive");
  if (target.threads < 0 || target.threads > 1)
    return module.emitError("expected 'threads' to be 0 (as many as the OpenMP "
                            "runtime has) or 1, but got ")
           << target.threads;
  if (target.alignment < 1 || !llvm::isPowerOf2_64(target.alignment))
    return module.emitError("expected 'alignment' to be a power of two, "
                            "but got ")
           << target.alignment;
  return target;
}

TargetDescription TargetDescription::of(Operation *op) {
  if (auto module = op->getParentOfType<ModuleOp>())
    if (FailureOr<TargetDescription> target = get(module); succeeded(target))
      return *target;
  return {};
}

int64_t TargetDescription::lanes(Type type) const {
  // i1 lives in memory as bytes; index has the target's width.
  int64_t bits = type.isIndex() ? indexBits : 8 * bytesOf(type);
  return std::max<int64_t>(1, vectorBytes * 8 / bits);
}

bool TargetDescription::hasBf16Products() const {
  // In vectors of all lengths.
  return !portable && vectorBytes > 0 &&
         StringRef(features).contains("+avx512bf16") &&
         StringRef(features).contains("+avx512vl");
}

bool TargetDescription::multipliesPairs(ModuleOp module) const {
  auto precision = module->getAttrOfType<StringAttr>("pock.precision");
  return precision && precision == "bf16" && hasBf16Products();
}

/// What the system says about a cache, if it says anything.
static int64_t cacheSize(int name, int64_t otherwise) {
  int64_t size = sysconf(name);
  return size > 0 ? size : otherwise;
}

DictionaryAttr hostTargetAttr(MLIRContext *context) {
  Builder b(context);
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  // Sorted, so that the same machine always gives the same attribute.
  llvm::SmallVector<std::string> names;
  for (auto &entry : features)
    names.push_back((entry.second ? "+" : "-") + entry.first().str());
  std::sort(names.begin(), names.end(), [](auto &a, auto &b) {
    return StringRef(a).drop_front() < StringRef(b).drop_front();
  });
  bool avx512 = features.lookup("avx512f");
  bool avx = features.lookup("avx2") || features.lookup("avx");
  auto number = [&](int64_t n) { return b.getI64IntegerAttr(n); };
  std::string triple = llvm::sys::getDefaultTargetTriple();
  int64_t registers =
      avx512 || StringRef(triple).starts_with("aarch64") ? 32 : 16;
  return b.getDictionaryAttr(
      {b.getNamedAttr("triple", b.getStringAttr(triple)),
       b.getNamedAttr("cpu", b.getStringAttr(llvm::sys::getHostCPUName())),
       b.getNamedAttr("features", b.getStringAttr(llvm::join(names, ","))),
       b.getNamedAttr("index_bits", number(64)),
       b.getNamedAttr("vector_bytes", number(avx512 ? 64
                                             : avx  ? 32
                                                    : 16)),
       b.getNamedAttr("vector_registers", number(registers)),
       b.getNamedAttr("l1_bytes",
                      number(cacheSize(_SC_LEVEL1_DCACHE_SIZE, 32768))),
       b.getNamedAttr("l2_bytes",
                      number(cacheSize(_SC_LEVEL2_CACHE_SIZE, 524288))),
       b.getNamedAttr("alignment", number(64)),
       b.getNamedAttr("stack_bytes", number(65536)),
       b.getNamedAttr("threads", number(0))});
}

} // namespace mlir::pock
