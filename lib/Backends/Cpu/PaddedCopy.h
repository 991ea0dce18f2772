//===- PaddedCopy.h - Temporaries that add a border to a buffer -*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_PADDEDCOPY_H
#define POCK_BACKENDS_CPU_PADDEDCOPY_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include <optional>

namespace mlir::pock {

/// The operations that make a temporary a padded copy: its border is filled,
/// and the source is copied into the rest.
struct PaddedCopy {
  linalg::LinalgOp copy;
  SmallVector<linalg::LinalgOp> fills;
  SmallVector<linalg::GenericOp> readers;
  TypedAttr value;
  SmallVector<int64_t> low, high;

  Value getSource() { return copy->getOperand(0); }
  /// Whether no operation between the copy and the last reader writes the
  /// source.
  bool staysUnchanged() const;
};

/// The operations of `alloc` if it is a padded copy that only generic
/// operations read, with `throughViews` also parts of it; fills and copies may
/// be generic ones, too.
std::optional<PaddedCopy> findPaddedCopy(memref::AllocOp alloc,
                                         bool throughViews = false);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_PADDEDCOPY_H
