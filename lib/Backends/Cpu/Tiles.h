//===- Tiles.h - Register tiles that a kernel can have --------------------===//
#ifndef POCK_BACKENDS_CPU_TILES_H
#define POCK_BACKENDS_CPU_TILES_H

#include "TargetDescription.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallVector.h"
#include <utility>

namespace mlir::pock {

/// The tiles (rows, vectors) that `pock.tile` may select in a bufferized
/// kernel: first the cost model's choice, then the others, ordered by the
/// model's cost. Empty if the kernel has no nest. Generalises the kernel's
/// linalg operations as a side effect.
llvm::SmallVector<std::pair<int64_t, int64_t>>
listTiles(mlir::func::FuncOp kernel, const TargetDescription &target);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_TILES_H
