//===- TargetBackend.h - Interface and registry of back ends ----*- C++ -*-===//
//
// The interface between the compiler and its targets. The stages up to
// `kernels` and the memory plan do not depend on the target, except for limits
// that its back end provides. A back end lowers kernels of pock ops to kernels
// on buffers, then lowers launches and kernels to code, and emits binaries.
//
// Back ends are registered once per process, like passes. The module's target
// determines the back end, so `pock-lower-kernels` and `pock-generate-code`
// look it up when they run, and run its pipelines.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_TARGET_TARGETBACKEND_H
#define POCK_TARGET_TARGETBACKEND_H

#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::pock {

/// Limits of a target on the memory of functions and kernels.
struct TargetLimits {
  /// Alignment of segments, and of the values in them, in bytes.
  int64_t alignment = 64;
  /// Width of `index` and of offsets: 32 or 64.
  int64_t indexBits = 64;
  /// Bytes that the temporaries of one kernel may take on a stack.
  int64_t stackBytes = 4096;
  /// Bytes that stay close to the processor while a kernel works on them: the
  /// size of a cache, or of local memory.
  int64_t workingBytes = 524288;
  /// Whether values of `@prepare` are computed before the program is linked,
  /// and then are constants.
  bool preparedAhead = false;
  /// Whether several threads may share the work of one kernel.
  bool threads = false;
  /// Whether each thread computes one point of an operation, so that a loop
  /// around operations leaves most threads without work.
  bool threadPerPoint = false;
  /// Whether kernels may contain arrays of constants.
  bool kernelArrays = true;
  /// The size in bytes of the largest segment, if there is a limit.
  std::optional<int64_t> segmentBytes = std::nullopt;
  /// The maximum number of buffers of a kernel, including its workspace, if
  /// there is a limit.
  std::optional<int64_t> kernelBuffers = std::nullopt;
};

/// Options of the user for kernels. A back end ignores options for algorithms
/// that it does not have.
struct KernelOptions {
  /// Winograd's algorithm for convolutions: `auto`, `always` or `never`.
  std::string winograd = "auto";
};

/// How the binaries of a target are run.
enum class RunForm {
  /// A shared library, which a process loads.
  Library,
  /// An object file, which a program without an operating system contains.
  Object,
  /// Shaders and a list of their dispatches, which a program records.
  Dispatches,
};

/// Bytes in memory that a program only reads.
struct DataSymbol {
  std::string name, bytes;
};

/// The files that together contain a module's code.
using Binaries = std::vector<std::string>;

/// Compiles kernels, and the functions that launch them, for a family of
/// targets. It has no state, so all threads share one object.
class TargetBackend {
public:
  virtual ~TargetBackend();

  /// The name of the back end, for errors.
  virtual StringRef getName() const = 0;

  /// Whether it can compile for `target`; the error gives the reason if it
  /// cannot. All other functions need an accepted target.
  virtual llvm::Error accepts(TargetAttr target) const = 0;

  virtual TargetLimits getLimits(TargetAttr target) const = 0;

  /// What kernels subtract from the input of a sum of `terms` products of
  /// bytes, whose zero point is `zero`: 0, or what costs them nothing. The rest
  /// becomes a correction (`pock-fold-zero-points`). `terms` is 1 if neighbours
  /// in the input belong to different sums.
  virtual int64_t getKernelZeroPoint(TargetAttr target, int64_t terms,
                                     int64_t zero) const;

  /// The layout of convolutions of bytes, in which weights are contiguous along
  /// the terms of a sum, or along the sums.
  virtual Layout getLayoutOfBytes(TargetAttr target) const;

  /// Whether kernels may have elements of `type`.
  virtual bool supportsElement(TargetAttr target, Type type) const;

  /// Whether kernels that compute in f32 may store f16.
  virtual bool storesHalves(TargetAttr target) const;

  /// The form in which the binaries of `emit` are run.
  virtual RunForm getRunForm(TargetAttr target) const = 0;

  /// The unit of the processor that a program has to switch on before it calls
  /// the code, as text for people; empty if there is none.
  virtual StringRef getUnit(TargetAttr target) const;

  /// The names of all features of the processor that code may use.
  virtual SmallVector<std::string> getFeatures(TargetAttr target) const;

  /// Registers the dialects that its pipelines load: their passes are not known
  /// when the context begins to run passes.
  virtual void getDependentDialects(DialectRegistry &registry) const = 0;

  /// Adds passes over a module at stage `kernels`. After them, kernels are on
  /// buffers, without results, and `pock.workspace` on a kernel gives the bytes
  /// of workspace that its last argument has.
  virtual void buildKernelPipeline(OpPassManager &pm, TargetAttr target,
                                   const KernelOptions &options) const = 0;

  /// Adds passes over a module at stage `plan`, whose launches are on buffers
  /// with their places. They lower it to a module that `emit` accepts.
  virtual void buildCodePipeline(OpPassManager &pm,
                                 TargetAttr target) const = 0;

  /// Returns the code of a module at stage `llvm`. The same module gives the
  /// same bytes. Errors are emitted at the module.
  virtual FailureOr<Binaries> emit(ModuleOp module) const = 0;

  /// Returns a binary with constant arrays, each aligned to the target's
  /// alignment, in a section `.rodata.<name>` of its own. C has no empty
  /// arrays: an array without bytes gets one zero. An error if programs of the
  /// target cannot be linked with data.
  virtual FailureOr<std::string> emitData(ModuleOp module,
                                          ArrayRef<DataSymbol> symbols) const;

  /// The machine that this process runs on; null if it is not in this family.
  virtual TargetAttr getHostTarget(MLIRContext *context) const;

  /// The key of the target in a tuning file; equal for targets on which code is
  /// equally fast.
  virtual std::string getTuningKey(TargetAttr target) const;

  /// The possible values of `pock.tile` on a kernel at stage `plan`, beginning
  /// with the best by the cost model. Changes the kernel as a side effect.
  virtual SmallVector<SmallVector<int64_t>>
  listTiles(func::FuncOp kernel) const;

  /// The possible values of `pock.algorithm` on a kernel at stage `plan`, which
  /// this back end decides when it makes code; empty if there is no choice.
  /// Changes the kernel as a side effect.
  virtual SmallVector<StringRef> listAlgorithms(func::FuncOp kernel) const;
};

/// Adds a back end, unless there is one of that name. Do not call it during a
/// compilation.
void registerTargetBackend(std::unique_ptr<TargetBackend> backend);

/// Registers the dialects that the pipelines of the back ends load.
void getBackendDialects(DialectRegistry &dialects);

/// The attribute `pock.target` of `op`, if that is a module, or of the module
/// around it; a default target if there is none.
TargetAttr targetOf(Operation *op);

/// The first back end that accepts the target of `module`. If there is none, an
/// error names the triple and the reason of each back end.
FailureOr<const TargetBackend *> findTargetBackend(ModuleOp module);

/// The limits of the module's target; an error if no back end accepts it.
FailureOr<TargetLimits> getTargetLimits(ModuleOp module);

/// The limits of the target of the module around `op`; the defaults if no back
/// end accepts it, for which earlier passes have emitted an error.
TargetLimits limitsAt(Operation *op);

/// The machine that this process runs on; a default target if no back end knows
/// it.
TargetAttr getHostTarget(MLIRContext *context);

/// `TargetBackend::emit` and `emitData` of the module's back end.
FailureOr<Binaries> emitBinaries(ModuleOp module);
FailureOr<std::string> emitData(ModuleOp module, ArrayRef<DataSymbol> symbols);

/// JSON of the module's target: `{"backend": name, "form": "library", "object"
/// or "dispatches", "unit": text, "stores_f16": whether values may be stored in
/// f16, "features": [name, …]}`.
FailureOr<std::string> describeTarget(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_TARGETBACKEND_H
