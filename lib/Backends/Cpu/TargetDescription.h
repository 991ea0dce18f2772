//===- TargetDescription.h - Properties of a target of the CPU back end ---===//
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
  /// The number of vector registers.
  int64_t vectorRegisters = 16;
  /// Sizes of the first and the second data cache of a core.
  int64_t l1Bytes = 32768, l2Bytes = 524288;
  /// Alignment of the segments that the caller passes.
  int64_t alignment = 64;
  /// The number of threads that may work on a kernel: 1 means serial code, 0
  /// the number of threads of the OpenMP runtime.
  int64_t threads = 1;
  /// Bytes of stack for the whole program.
  int64_t stackBytes = 65536;
  /// Whether results must not depend on any of the above (`pock.arithmetic =
  /// "portable"`). Then every sum has a fixed order, and instructions that only
  /// some targets have and that round differently are not used.
  bool portable = false;

  /// Whether the target has no operating system. Then code has a fixed address,
  /// and there may be no C library.
  bool bareMetal = false;

  /// The target of the module `op`, or of the module that contains `op`; the
  /// defaults if there is none. The dialect verifies the attributes.
  static TargetDescription of(mlir::Operation *op);
  /// The target alone, without the module's arithmetic.
  static TargetDescription of(TargetAttr attr);

  /// Whether small code is preferred to fast code: flash is small, and fetching
  /// from it is slow.
  bool prefersSize() const { return bareMetal; }
  /// The number of registers for integers that a sum of a target without
  /// vectors may use.
  int64_t integerRegisters() const;
  /// The smallest number of lanes of a vector.
  int64_t leastLanes() const;

  /// The number of elements of `type` in a vector register (at least 1).
  int64_t lanes(mlir::Type type) const;
};

/// Whether a triple has no operating system; the host's, "", has one.
bool isBareMetal(llvm::StringRef triple);

/// The description of this machine.
TargetAttr hostTargetAttr(mlir::MLIRContext *context);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_TARGETDESCRIPTION_H
