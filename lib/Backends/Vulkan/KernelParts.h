//===- KernelParts.h - What a kernel computes in one dispatch each --------===//
#ifndef POCK_LIB_BACKENDS_VULKAN_KERNELPARTS_H
#define POCK_LIB_BACKENDS_VULKAN_KERNELPARTS_H

#include "../Shared/Nest.h"
#include "ThreadMap.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::pock {

/// A loop nest, whose points threads compute.
struct KernelPart {
  Nest nest;
  ThreadMap threads;
  /// The loop around the nest, in which each thread computes its point again
  /// and again; null if there is none.
  mlir::scf::ForOp loop;
  /// The buffers that the part accesses in memory, first those that it only
  /// reads.
  mlir::SmallVector<mlir::Value> buffers;
  /// How many of these it only reads.
  int64_t numRead;
};

/// A kernel as parts, each of which needs the results of those before.
struct PartedKernel {
  mlir::func::FuncOp func;
  mlir::SmallVector<KernelPart, 0> parts;
  /// Temporaries that need no memory.
  llvm::DenseSet<mlir::Operation *> registers;
};

/// Divides a kernel on buffers. An error if a part of it cannot be computed by
/// threads that do not wait for each other.
mlir::FailureOr<PartedKernel> divideKernel(mlir::func::FuncOp func);

/// `TargetBackend::listTiles` and `listAlgorithms`: choices for the nest with
/// the most work.
mlir::SmallVector<mlir::SmallVector<int64_t>>
listTiles(mlir::func::FuncOp kernel);
mlir::SmallVector<mlir::StringRef> listAlgorithms(mlir::func::FuncOp kernel);

} // namespace mlir::pock

#endif // POCK_LIB_BACKENDS_VULKAN_KERNELPARTS_H
