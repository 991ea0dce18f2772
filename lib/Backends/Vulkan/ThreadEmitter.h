//===- ThreadEmitter.h - A loop nest as the code of one thread --*- C++ -*-===//
#ifndef POCK_BACKENDS_VULKAN_THREADEMITTER_H
#define POCK_BACKENDS_VULKAN_THREADEMITTER_H

#include "../Shared/Nest.h"
#include "ThreadMap.h"
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

/// Emits all statements of `nest` at the points of one thread: number `item`,
/// of type index, among the threads of `map`, or among the workgroups if their
/// threads work together; then `lane` is the thread's number in the workgroup.
/// Neighbours in the result have neighbouring numbers. `bufferOf` finds the
/// buffer of a root; temporaries in `registers` have none.
void emitThread(OpBuilder &b, Nest &nest, const ThreadMap &map, Value item,
                Value lane, const llvm::DenseSet<Operation *> &registers,
                FindBuffer bufferOf);

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_THREADEMITTER_H
