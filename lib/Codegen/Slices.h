//===- Slices.h - Parts of buffers along one loop -------------------------===//
#ifndef POCK_CODEGEN_SLICES_H
#define POCK_CODEGEN_SLICES_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include <optional>

namespace mlir::pock {

/// Position at which the map is plain `d_loop`; -1 if `loop` does not occur;
/// nothing if it occurs in any other way.
std::optional<int> positionOf(mlir::AffineMap map, unsigned loop);

/// `size` entries of dimension `dim` of the buffer `value`, from `first` on.
mlir::Value sliceOf(mlir::OpBuilder &b, mlir::Value value, unsigned dim,
                    mlir::OpFoldResult first, int64_t size);

} // namespace mlir::pock

#endif // POCK_CODEGEN_SLICES_H
