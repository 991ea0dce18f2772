//===- ThreadEmitter.h - A loop nest as the code of one thread --*- C++ -*-===//
#ifndef POCK_BACKENDS_VULKAN_THREADEMITTER_H
#define POCK_BACKENDS_VULKAN_THREADEMITTER_H

#include "../Shared/Nest.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::pock {

/// The number of points of the nest's parallel loops.
int64_t countPoints(const Nest &nest);

/// Emits all statements of `nest` at one point: number `point`, of type index,
/// of the parallel loops, in which neighbours in the result have neighbouring
/// numbers. `bufferOf` gives the flat buffer of a root; temporaries in
/// `registers` have none.
void emitThread(OpBuilder &b, Nest &nest, Value point,
                const llvm::DenseSet<Operation *> &registers,
                llvm::function_ref<Value(Value)> bufferOf);

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_THREADEMITTER_H
