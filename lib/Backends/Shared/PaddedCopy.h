//===- PaddedCopy.h - Buffers that add a border to another one --*- C++ -*-===//
#ifndef POCK_BACKENDS_SHARED_PADDEDCOPY_H
#define POCK_BACKENDS_SHARED_PADDEDCOPY_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <optional>

namespace mlir::pock {

/// The operations that make a buffer a padded copy: its border is filled, and
/// the source is copied into the rest.
struct PaddedCopy {
  linalg::LinalgOp copy;
  SmallVector<linalg::LinalgOp> fills;
  SmallVector<linalg::GenericOp> readers;
  TypedAttr value;
  SmallVector<int64_t> low, high;

  Value getSource() { return copy->getOperand(0); }
  /// Whether there are readers, and no operation between the copy and the last
  /// of them writes the source.
  bool staysUnchanged() const;
};

/// The operations of `buffer`, a temporary or an argument, if it is a padded
/// copy that only generic operations read, with `throughViews` also parts of
/// it; fills and copies may be generic ones, too.
std::optional<PaddedCopy> findPaddedCopy(TypedValue<MemRefType> buffer,
                                         bool throughViews = false);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_PADDEDCOPY_H
