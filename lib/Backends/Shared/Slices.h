//===- Slices.h - Parts of buffers along one loop -------------------------===//
#ifndef POCK_BACKENDS_SHARED_SLICES_H
#define POCK_BACKENDS_SHARED_SLICES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include <optional>

namespace mlir::pock {

/// The position of the map's result `d_loop`; -1 if `loop` does not occur in
/// the map; nothing if it occurs in any other way.
std::optional<int> positionOf(mlir::AffineMap map, unsigned loop);

/// A slice of `size` entries of dimension `dim` of the buffer `value`, from
/// `first` on.
mlir::Value sliceOf(mlir::OpBuilder &b, mlir::Value value, unsigned dim,
                    mlir::OpFoldResult first, int64_t size);

/// Adds `first` to the numbers of `loop` in the body of `op`, whose loop begins
/// there.
void shiftIndices(mlir::linalg::GenericOp op, unsigned loop,
                  mlir::OpFoldResult first);

/// Emits a loop over [0, extent) in blocks of `size`, and after it the
/// remainder. `body` gets the first entry of a block and the number of entries.
void emitBlocks(
    mlir::OpBuilder &b, mlir::Location loc, int64_t extent, int64_t size,
    llvm::function_ref<void(mlir::OpFoldResult first, int64_t count)> body);

/// How many iterations of `op` read the same entry of `operand`.
int64_t usesOf(mlir::linalg::GenericOp op, mlir::OpOperand &operand);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_SLICES_H
