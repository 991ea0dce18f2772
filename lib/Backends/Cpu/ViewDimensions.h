//===- ViewDimensions.h - Dimensions of views and of buffers ----*- C++ -*-===//

#ifndef POCK_BACKENDS_CPU_VIEWDIMENSIONS_H
#define POCK_BACKENDS_CPU_VIEWDIMENSIONS_H

#include "mlir/IR/Builders.h"

#include <optional>

namespace mlir::pock {

/// The dimension of `root` that corresponds to dimension `dim` of `operand`, a
/// chain of views of `root`. Nothing if a view does not keep the whole
/// dimension.
std::optional<unsigned> dimensionOf(Value operand, unsigned dim, Value root);

/// The dimension of `operand`, a chain of views of `root`, that corresponds to
/// dimension `rootDim` of `root`.
std::optional<unsigned> dimensionIn(Value operand, Value root,
                                    unsigned rootDim);

/// Rebuilds the chain of views `operand` of `root` on `shrunk`, a buffer like
/// `root` with fewer entries along one dimension. Dimension `dim` of the result
/// corresponds to that dimension, and has its first `size` entries.
Value rebase(OpBuilder &b, Value operand, Value root, Value shrunk,
             unsigned dim, int64_t size);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_VIEWDIMENSIONS_H
