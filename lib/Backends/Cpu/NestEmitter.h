//===- NestEmitter.h - Loops, vectors and stores for a nest ---------------===//
#ifndef POCK_BACKENDS_CPU_NESTEMITTER_H
#define POCK_BACKENDS_CPU_NESTEMITTER_H

#include "../Shared/Nest.h"
#include "Schedule.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::pock {

/// The functions of the OpenMP runtime that parallel regions call; both return
/// i32. The caller of `emitNest` must declare them.
inline constexpr char kThreadNumber[] = "omp_get_thread_num";
inline constexpr char kThreadCount[] = "omp_get_num_threads";

/// Emits code for `nest` at the insertion point of `b`. The operations of the
/// nest are not erased. The code does not store to the allocations in
/// `registers` (see findRegisterTemporaries).
void emitNest(mlir::OpBuilder &b, Nest &nest, const Schedule &schedule,
              const llvm::DenseSet<mlir::Operation *> &registers);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_NESTEMITTER_H
