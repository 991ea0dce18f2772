//===- TargetDescription.cpp - Parsing of `pock.target` -------------------===//

#include "TargetDescription.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/Target/TargetBackend.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <algorithm>
#include <unistd.h>

using namespace mlir;

namespace mlir::pock {

TargetDescription TargetDescription::of(Operation *op) {
  TargetDescription target = of(targetOf(op));
  target.portable = isPortable(op);
  return target;
}

TargetDescription TargetDescription::of(TargetAttr attr) {
  TargetDescription target;
  // Normalise the triple: in one with three components, as in names of
  // toolchains, LLVM would parse the ABI as the system, and pass floats as
  // integers.
  if (!attr.getTriple().empty())
    target.triple = llvm::Triple::normalize(attr.getTriple());
  target.bareMetal = isBareMetal(target.triple);
  target.cpu = attr.getCpu();
  target.features = attr.getFeatures();
  target.indexBits = attr.getIndexBits();
  target.vectorBytes = attr.getVectorBytes();
  target.vectorRegisters = attr.getVectorRegisters();
  target.l1Bytes = attr.getL1Bytes();
  target.l2Bytes = attr.getL2Bytes();
  target.alignment = attr.getAlignment();
  target.stackBytes = attr.getStackBytes();
  target.threads = attr.getThreads();
  return target;
}

bool isBareMetal(StringRef triple) {
  return !triple.empty() &&
         llvm::Triple(llvm::Triple::normalize(triple)).getOS() ==
             llvm::Triple::UnknownOS;
}

int64_t TargetDescription::leastLanes() const {
  // Helium has no vectors of 64 bits: LLVM would widen the elements, and call
  // its runtime library to compute with them.
  return indexBits == 32 ? std::max<int64_t>(2, vectorBytes / 4) : 2;
}

int64_t TargetDescription::integerRegisters() const {
  llvm::Triple parsed(llvm::Triple::normalize(triple));
  if (parsed.isRISCV())
    return 24;
  // The first Thumb instructions address eight registers; with one more of
  // these, sums are spilled.
  return parsed.getSubArch() == llvm::Triple::ARMSubArch_v6m ? 7 : 12;
}

int64_t TargetDescription::lanes(Type type) const {
  // i1 is a byte in memory; index has the target's width.
  int64_t bits = type.isIndex() ? indexBits : 8 * bytesOf(type);
  return std::max<int64_t>(1, vectorBytes * 8 / bits);
}

/// The size of a cache according to the system, or `otherwise` if unknown.
static int64_t cacheSize(int name, int64_t otherwise) {
  int64_t size = sysconf(name);
  return size > 0 ? size : otherwise;
}

TargetAttr hostTargetAttr(MLIRContext *context) {
  context->loadDialect<PockDialect>();
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  // Sort, so that the same machine always gives the same attribute.
  llvm::SmallVector<std::string> names;
  for (auto &entry : features)
    names.push_back((entry.second ? "+" : "-") + entry.first().str());
  std::sort(names.begin(), names.end(), [](auto &a, auto &b) {
    return StringRef(a).drop_front() < StringRef(b).drop_front();
  });
  bool avx512 = features.lookup("avx512f");
  bool avx = features.lookup("avx2") || features.lookup("avx");
  std::string triple = llvm::sys::getDefaultTargetTriple();
  int64_t registers =
      avx512 || StringRef(triple).starts_with("aarch64") ? 32 : 16;
  TargetDescription generic;
  return TargetAttr::get(
      context, triple, llvm::sys::getHostCPUName(), llvm::join(names, ","),
      /*index_bits=*/64, /*vector_bytes=*/avx512 ? 64 : (avx ? 32 : 16),
      registers, cacheSize(_SC_LEVEL1_DCACHE_SIZE, generic.l1Bytes),
      cacheSize(_SC_LEVEL2_CACHE_SIZE, generic.l2Bytes), generic.alignment,
      generic.stackBytes, /*threads=*/0);
}

} // namespace mlir::pock
