//===- Window.h - geometry of convolution and pooling -----------*- C++ -*-===//

#ifndef POCK_CONVERSION_WINDOW_H
#define POCK_CONVERSION_WINDOW_H

#include "LinalgBuilders.h"
#include "Pock/IR/PockUtils.h"

namespace mlir::pock {

/// The dimensions of an activation in the order of `layout`.
template <typename T>
SmallVector<T> orderActivation(Layout layout, T batch, ArrayRef<T> spatial,
                               ArrayRef<T> channels) {
  SmallVector<T> result{batch};
  bool first = layout == Layout::ChannelsFirst;
  llvm::append_range(result, first ? channels : spatial);
  llvm::append_range(result, first ? spatial : channels);
  return result;
}

/// The dimensions of a filter in the order of `layout`.
template <typename T>
SmallVector<T> orderFilter(Layout layout, ArrayRef<T> taps, ArrayRef<T> in,
                           ArrayRef<T> out) {
  switch (layout) {
  case Layout::ChannelsFirst:
    return llvm::to_vector(llvm::concat<const T>(out, in, taps));
  case Layout::ChannelsLast:
    return llvm::to_vector(llvm::concat<const T>(taps, in, out));
  case Layout::ChannelsLastOhwi:
    return llvm::to_vector(llvm::concat<const T>(out, taps, in));
  }
  llvm_unreachable("unknown layout");
}

/// The dimensions of tiles: an output, then a tap, for each spatial dimension.
template <typename T>
SmallVector<T> interleave(ArrayRef<T> outputs, ArrayRef<T> taps) {
  SmallVector<T> result;
  for (auto [output, tap] : llvm::zip_equal(outputs, taps))
    result.append({output, tap});
  return result;
}

/// The spatial sizes of an activation.
ArrayRef<int64_t> getSpatialSizes(Layout layout, ArrayRef<int64_t> shape);

/// `value` with its spatial dimensions padded or cropped, as `buildPadded`.
Value buildPaddedSpatial(OpBuilder &b, Location loc, Layout layout, Value value,
                         ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                         double padding);

/// How a window of `kernel` taps slides over the spatial dimensions.
struct Window {
  Layout layout;
  SmallVector<int64_t> kernel, strides, dilations, low, high;

  template <typename Op>
  static Window get(Op op, ArrayRef<int64_t> kernel) {
    return {op.getLayout(),
            SmallVector<int64_t>(kernel),
            SmallVector<int64_t>(op.getStrides()),
            SmallVector<int64_t>(op.getDilations()),
            SmallVector<int64_t>(op.getPadLow()),
            SmallVector<int64_t>(op.getPadHigh())};
  }

  /// `input` padded as far as windows giving `outputs` read it.
  Value buildPaddedInput(OpBuilder &b, Location loc, Value input,
                         ArrayRef<int64_t> outputs, double padding) const;

  /// The shape of an input of shape `shape` that is padded so.
  SmallVector<int64_t> getPaddedShape(ArrayRef<int64_t> shape,
                                      ArrayRef<int64_t> outputs) const;

  /// Whether the windows tile the input: each entry is read once.
  bool tiles(ArrayRef<int64_t> inputs, ArrayRef<int64_t> outputs) const;

  /// The coordinates in the padded input: `outputs * strides + taps *
  /// dilations`.
  SmallVector<AffineExpr> getInputCoordinates(ArrayRef<AffineExpr> outputs,
                                              ArrayRef<AffineExpr> taps) const;
};

/// The coordinates `stride * q + residue`, `q < count`, of one dimension of a
/// window's input, and their readers: output `q + j * step - low` with tap
/// `lastTap - tapStep * j`, for `j < taps`. Outputs that do not exist read
/// nothing; padded by `low` and `high` (which may be negative), they exist.
struct ResidueClass {
  int64_t residue, count, taps, lastTap, tapStep, step, low, high;
};

/// Loops over the entries of a tensor that windows tile, in the order of the
/// layout: sample, channel, and for each spatial dimension window and tap.
struct TileLoops {
  Loops loops;
  AffineExpr n, c;
  SmallVector<AffineExpr> o, k;

  TileLoops(MLIRContext *context, const Window &window);
  /// The coordinates in a tensor of one entry per window and channel `channel`.
  SmallVector<AffineExpr> perWindow(AffineExpr channel) const {
    return orderActivation<AffineExpr>(layout, n, o, channel);
  }
  /// Those in the tiled tensor, of shape `getShape`.
  SmallVector<AffineExpr> perEntry() const {
    return orderActivation<AffineExpr>(layout, n, interleave<AffineExpr>(o, k),
                                       c);
  }
  /// `type`, the tiled tensor's, with windows and taps apart.
  SmallVector<int64_t> getShape(RankedTensorType type) const;

private:
  Layout layout;
  SmallVector<int64_t> kernel;
};

/// Builds the values of one class, of shape `[batch, count..., channels]` in
/// the order of the layout. `padded` are the values at the outputs that the
/// class reads, from its first one on.
using ResidueClassBuilder =
    function_ref<Value(ArrayRef<ResidueClass>, ValueRange padded)>;

/// Builds a tensor of type `type` on the input side of `window`, class by
/// class, from `values` on the output side. Outputs that do not exist have the
/// value `padding`. Entries that no output reads are zero.
Value buildByResidueClass(OpBuilder &b, Location loc, RankedTensorType type,
                          const Window &window, ValueRange values,
                          ArrayRef<double> padding, ResidueClassBuilder build);

} // namespace mlir::pock

#endif // POCK_CONVERSION_WINDOW_H
