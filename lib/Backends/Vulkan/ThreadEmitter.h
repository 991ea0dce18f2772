//===- ThreadEmitter.h - A loop nest as the code of one thread --*- C++ -*-===//
#ifndef POCK_BACKENDS_VULKAN_THREADEMITTER_H
#define POCK_BACKENDS_VULKAN_THREADEMITTER_H

#include "../Shared/Nest.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::pock {

/// Where a shader finds a flat buffer.
struct ShaderBuffer {
  mlir::Value memory;
  /// The number of elements before it in `memory`; null if there are none.
  mlir::Value base;
};

using FindBuffer = llvm::function_ref<ShaderBuffer(mlir::Value)>;

/// `place` in a flat buffer as a place in the memory that it is a part of.
mlir::Value placeIn(mlir::OpBuilder &b, mlir::Location loc,
                    const ShaderBuffer &buffer, mlir::Value place);

/// The number of points of the nest's parallel loops.
int64_t countPoints(const Nest &nest);

/// Emits all statements of `nest` at one point: number `point`, of type index,
/// of the parallel loops, in which neighbours in the result have neighbouring
/// numbers. `bufferOf` finds the buffer of a root; temporaries in
/// `registers` have none.
void emitThread(OpBuilder &b, Nest &nest, Value point,
                const llvm::DenseSet<Operation *> &registers,
                FindBuffer bufferOf);

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_THREADEMITTER_H
