//===- TargetDescription.h - What code generation knows of the target -----===//
//
// The module attribute `pock.target` as a struct. Every field has a default,
// so that a module without the attribute is compiled for a generic 64-bit host.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_CODEGEN_TARGETDESCRIPTION_H
#define POCK_CODEGEN_TARGETDESCRIPTION_H

#include "mlir/IR/BuiltinAttributes.h"
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

  /// Reads `pock.target` and `pock.arithmetic` of `module`; emits an error at
  /// the module for a value of the wrong kind or out of range, and for an
  /// unknown key.
  static mlir::FailureOr<TargetDescription> get(mlir::ModuleOp module);

  /// That of the module around `op`; the defaults without one, or if `get` has
  /// said what is wrong with it.
  static TargetDescription of(mlir::Operation *op);

  /// How many elements of `type` fill a vector register (at least 1).
  int64_t lanes(mlir::Type type) const;

  /// Whether an instruction adds products of two pairs of bf16 to f32 sums.
  bool hasBf16Products() const;
  /// Whether sums of products in `module` use it, as its precision is bf16.
  bool multipliesPairs(mlir::ModuleOp module) const;
};

/// The `pock.target` value that describes the machine we run on.
mlir::DictionaryAttr hostTargetAttr(mlir::MLIRContext *context);

} // namespace mlir::pock

#endif // POCK_CODEGEN_TARGETDESCRIPTION_H
