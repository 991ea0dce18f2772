//===- NestWork.h - The nest of a kernel with the most work ---------------===//
#ifndef POCK_BACKENDS_SHARED_NESTWORK_H
#define POCK_BACKENDS_SHARED_NESTWORK_H

#include "Nest.h"

namespace mlir::pock {

/// Operations of the bodies of a nest times iterations of all loops around
/// them.
double countOperations(const Nest &nest);

/// The index of the first nest that executes the most operations in a launch;
/// the number of nests if there is none.
size_t findMainNest(llvm::ArrayRef<Nest> nests);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_NESTWORK_H
