//===- Contraction.h - products and convolutions ----------------*- C++ -*-===//

#ifndef POCK_CONVERSION_CONTRACTION_H
#define POCK_CONVERSION_CONTRACTION_H

#include "Window.h"

namespace mlir::pock {

/// `[…, M, K] x […, K, N] -> […, M, N]`; with `transposeLhs` the left operand
/// is `[…, K, M]`, with `transposeRhs` the right one `[…, N, K]`. `body` adds a
/// term.
Value buildMatmul(OpBuilder &b, Location loc, Value lhs, Value rhs,
                  bool transposeLhs = false, bool transposeRhs = false,
                  MultiplyAdd body = {});

/// The connection of channels in a convolution: all with all, within groups, or
/// one with one.
struct Channels {
  enum Kind { Dense, Grouped, Depthwise };
  Kind kind;
  /// Number of groups, and input and output channels of each.
  int64_t groups, in, out;

  /// Those of `pock.conv` with a weight of type `weight`.
  static Channels get(Layout layout, RankedTensorType weight, int64_t groups);

  Channels transposed() const { return {kind, groups, out, in}; }

  /// The dimensions of channels in an activation, given those of the group and
  /// of the channel within the group.
  template <typename T>
  SmallVector<T> inActivation(T group, T channel) const {
    if (kind == Dense)
      return {channel};
    return kind == Grouped ? SmallVector<T>{group, channel}
                           : SmallVector<T>{group};
  }

  /// The dimensions of input channels in a filter. Output channels are as in an
  /// activation.
  template <typename T>
  SmallVector<T> inFilter(T channel) const {
    return kind == Depthwise ? SmallVector<T>{} : SmallVector<T>{channel};
  }

  /// `value`, an activation with `groups * perGroup` channels, with these
  /// dimensions.
  Value split(OpBuilder &b, Location loc, Layout layout, Value value,
              int64_t perGroup) const;

  /// The shape of a filter with these dimensions.
  SmallVector<int64_t> getFilterShape(Layout layout,
                                      ArrayRef<int64_t> kernel) const;

  /// Makes the loops over groups and over channels within a group; null if
  /// there is none.
  AffineExpr addGroupLoop(Loops &loops) const;
  AffineExpr addChannelLoop(Loops &loops, utils::IteratorType iterator) const;
};

/// Whether a convolution of an input of spatial sizes `inputs` and its weight
/// gradient are products of matrices: one tap, read in place.
bool isMatmul(const Channels &channels, const Window &window,
              ArrayRef<int64_t> inputs, ArrayRef<int64_t> outputs);

/// The convolution of the padded `input` with `filter`, whose dimensions are
/// those of `channels.getFilterShape`. The result has shape `[batch,
/// outputs..., channels]` in the order of the layout. With `mayCollapse` it may
/// be computed as a product of matrices and reshaped, which is best unless the
/// result is a strided part of a tensor.
Value buildConvolution(OpBuilder &b, Location loc, const Channels &channels,
                       const Window &window, Value input, Value filter,
                       ArrayRef<int64_t> outputs, bool mayCollapse,
                       MultiplyAdd body = {});

} // namespace mlir::pock

#endif // POCK_CONVERSION_CONTRACTION_H
