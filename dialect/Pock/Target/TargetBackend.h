//===- TargetBackend.h - What compiles kernels for a target -----*- C++ -*-===//
//
// The border between the compiler and the machines that it compiles for. The
// stages up to `kernels`, and the memory plan, know no target: they ask its
// back end for limits. A back end turns kernels of pock ops into kernels on
// buffers, then launches and kernels into code, and emits binaries.
//
// Back ends are registered once per process, as passes are. Which one serves a
// module is known only when the module is: `pock-lower-kernels` and
// `pock-generate-code` look it up and run its pipelines.
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

/// The memory that functions and kernels of a target work on.
struct TargetLimits {
  /// Alignment of segments, and of the values in them, in bytes.
  int64_t alignment = 64;
  /// Width of `index` and of offsets: 32 or 64.
  int64_t indexBits = 64;
  /// Bytes that the temporaries of one kernel may take on a stack.
  int64_t stackBytes = 4096;
  /// Bytes that a kernel can work on again without fetching them anew: a cache,
  /// or local memory.
  int64_t workingBytes = 524288;
  /// Whether several threads may share the work of one kernel.
  bool threads = false;
  /// The size in bytes of the largest segment, if there is a limit.
  std::optional<int64_t> segmentBytes = std::nullopt;
  /// How many buffers a kernel may have, its workspace included, if there is a
  /// limit.
  std::optional<int64_t> kernelBuffers = std::nullopt;
};

/// Wishes of the user about how kernels are computed. A back end ignores those
/// about algorithms that it does not have.
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
};

/// Bytes in memory that a program only reads.
struct DataSymbol {
  std::string name, bytes;
};

/// The files that together are a module's code.
using Binaries = std::vector<std::string>;

/// Compiles kernels, and the functions that launch them, for a family of
/// targets. It has no state: one object serves all threads.
class TargetBackend {
public:
  virtual ~TargetBackend();

  /// The name that errors call it by.
  virtual StringRef getName() const = 0;

  /// Whether it can compile for `target`; the error says why it cannot. All
  /// other functions need an accepted target.
  virtual llvm::Error accepts(TargetAttr target) const = 0;

  virtual TargetLimits getLimits(TargetAttr target) const = 0;

  /// Whether kernels may have elements of `type`.
  virtual bool supportsElement(TargetAttr target, Type type) const;

  /// How `emit`'s binaries are run.
  virtual RunForm getRunForm(TargetAttr target) const = 0;

  /// Registers what its pipelines load: their passes are not known when the
  /// context begins to run passes.
  virtual void getDependentDialects(DialectRegistry &registry) const = 0;

  /// Adds passes over a module at stage `kernels`. Behind them, kernels are on
  /// buffers, without results, and `pock.workspace` on a kernel says how many
  /// bytes of workspace its last argument has.
  virtual void buildKernelPipeline(OpPassManager &pm, TargetAttr target,
                                   const KernelOptions &options) const = 0;

  /// Adds passes over a module at stage `plan`, whose launches are on buffers
  /// with their places. Behind them, the module is what `emit` takes.
  virtual void buildCodePipeline(OpPassManager &pm,
                                 TargetAttr target) const = 0;

  /// Returns the code of a module at stage `llvm`. The same module gives the
  /// same bytes. Errors are emitted at the module.
  virtual FailureOr<Binaries> emit(ModuleOp module) const = 0;

  /// Returns a binary with constant arrays, each aligned to the target's
  /// alignment, in its section `.rodata.<name>`. C has no empty arrays: one
  /// without bytes has a zero. An error if its programs cannot be linked with
  /// data.
  virtual FailureOr<std::string> emitData(ModuleOp module,
                                          ArrayRef<DataSymbol> symbols) const;

  /// The machine that this process runs on; null if it is not of this family.
  virtual TargetAttr getHostTarget(MLIRContext *context) const;

  /// The key of the target in a tuning file: the same for targets for which
  /// code is equally fast.
  virtual std::string getTuningKey(TargetAttr target) const;

  /// The values that `pock.tile` may have on a kernel at stage `plan`, the best
  /// by the cost model first. Changes the kernel on the way.
  virtual SmallVector<SmallVector<int64_t>>
  listTiles(func::FuncOp kernel) const;
};

/// Adds a back end; nothing if one of that name is there. Not while others
/// compile.
void registerTargetBackend(std::unique_ptr<TargetBackend> backend);

/// All back ends in the order of their registration.
ArrayRef<std::unique_ptr<TargetBackend>> getTargetBackends();

/// The attribute `pock.target` of `op`, if that is a module, or of the module
/// around it; the defaults if there is none.
TargetAttr targetOf(Operation *op);

/// The first back end that accepts the target of `module`. Otherwise an error
/// names the triple, and says of each back end why it does not.
FailureOr<const TargetBackend *> findTargetBackend(ModuleOp module);

/// The limits of the module's target; an error if no back end accepts it.
FailureOr<TargetLimits> getTargetLimits(ModuleOp module);

/// The limits of the target of the module around `op`; the defaults if no back
/// end accepts it, which the stage has refused before.
TargetLimits limitsAt(Operation *op);

/// The machine that this process runs on; the defaults if no back end knows it.
TargetAttr getHostTarget(MLIRContext *context);

/// `TargetBackend::emit` and `emitData` of the module's back end.
FailureOr<Binaries> emitBinaries(ModuleOp module);
FailureOr<std::string> emitData(ModuleOp module, ArrayRef<DataSymbol> symbols);

/// JSON of the module's target: `{"backend": name, "form": "library" or
/// "object"}`.
FailureOr<std::string> describeTarget(ModuleOp module);

} // namespace mlir::pock

#endif // POCK_TARGET_TARGETBACKEND_H
