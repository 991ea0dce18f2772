//===- TargetDescription.h - What the CPU back end knows of a target ------===//
//
// The module attributes `pock.target` (#pock.target) and `pock.arithmetic` as a
// struct. Without them, a module is compiled for a generic 64-bit host.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_TARGETDESCRIPTION_H
#define POCK_BACKENDS_CPU_TARGETDESCRIPTION_H

#include "Pock/IR/Pock.h"
#include "mlir/IR/BuiltinOps.h"
#include <cstdint>
#include <string>

namespace mlir::pock {

struct TargetDescription {
  /// LLVM triple; empty means the host's.
  std::string triple;
  /// LLVM CPU name and feature string ("+avx2,-fma").
  std::string cpu, features;
  /// Width of `index` and of pointers' offsets: 32 or 64.
  int64_t indexBits = 64;
  /// Size of one vector register; 0 means scalar code.
  int64_t vectorBytes = 16;
  /// How many vector registers there are.
  int64_t vectorRegisters = 16;
  /// Sizes of the data caches of one core: the first, and the one behind it.
  int64_t l1Bytes = 32768, l2Bytes = 524288;
  /// Alignment of the segments that the caller passes.
  int64_t alignment = 64;
  /// How many threads may work on a kernel: 1 means serial code, 0 as many as
  /// the OpenMP runtime has.
  int64_t threads = 1;
  /// Stack that the whole program may use.
  int64_t stackBytes = 65536;
  /// Whether results must not depend on any of the above (`pock.arithmetic =
  /// "portable"`): every sum has one order, and no instruction of some targets
  /// only rounds differently.
  bool portable = false;

  /// Whether no operating system loads the program: code has a fixed address,
  /// and no C library can be relied on.
  bool bareMetal = false;

  /// The target of `op`, if that is a module, or of the module around it; the
  /// defaults if there is none. The dialect verifies the attributes.
  static TargetDescription of(mlir::Operation *op);
  /// The target alone, without what the module says of its arithmetic.
  static TargetDescription of(TargetAttr attr);

  /// Whether small code is better than fast code: flash is small, and fetching
  /// from it is slow.
  bool prefersSize() const { return bareMetal; }
  /// The fewest lanes that a vector may have.
  int64_t leastLanes() const;

  /// How many elements of `type` fill a vector register (at least 1).
  int64_t lanes(mlir::Type type) const;
};

/// Whether a triple names no operating system; the host's, "", has one.
bool isBareMetal(llvm::StringRef triple);

/// The target that this machine is.
TargetAttr hostTargetAttr(mlir::MLIRContext *context);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_TARGETDESCRIPTION_H
