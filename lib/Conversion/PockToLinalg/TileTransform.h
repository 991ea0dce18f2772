//===- TileTransform.h - transforms of tiles by small matrices --*- C++ -*-===//

#ifndef POCK_CONVERSION_TILETRANSFORM_H
#define POCK_CONVERSION_TILETRANSFORM_H

#include "LinalgBuilders.h"

namespace mlir::pock {

/// A matrix that transforms a tile along one dimension.
struct Matrix {
  int64_t rows, columns;
  const double *entries;

  double at(int64_t row, int64_t column) const {
    return entries[row * columns + column];
  }
};

/// `outputs` outputs of a window of `taps` taps by `outputs + taps - 1`
/// products.
struct MinimalAlgorithm {
  int64_t outputs, taps;
  Matrix input, filter, output;

  int64_t tile() const { return outputs + taps - 1; }
};

/// F(2, 3), and F(3, 2) of the gradient; both have the same tiles of inputs.
extern const MinimalAlgorithm forwardAlgorithm, gradientAlgorithm;

/// The map of entry (i, j) of the tiles that are transformed.
using EntryMap = function_ref<AffineMap(Loops &, ArrayRef<AffineExpr> point,
                                        int64_t, int64_t)>;

/// Transforms the tiles of `from` into those of `into`, whose dimensions `dims`
/// (ascending) are the transformed tile's; the others are the points.
Value buildTransform(OpBuilder &b, Location loc, const Matrix &matrix,
                     Value from, EntryMap entry, Value into,
                     std::pair<int64_t, int64_t> dims);

/// The tiles of `from` `[n, rows, columns, channels]`, a tile every `step`
/// entries, into `into` `[tile, tile, n, ty, tx, channels]`.
Value transformTiles(OpBuilder &b, Location loc, const Matrix &matrix,
                     int64_t step, Value from, Value into);

/// The map of tensors with the tiles' dimensions first, for `buildTransform`.
AffineMap mapOfStack(Loops &loops, ArrayRef<AffineExpr> point, int64_t i,
                     int64_t j);

} // namespace mlir::pock

#endif // POCK_CONVERSION_TILETRANSFORM_H
