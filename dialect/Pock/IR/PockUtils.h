//===- PockUtils.h - small builders over pock ops ---------------*- C++ -*-===//

#ifndef POCK_IR_POCKUTILS_H
#define POCK_IR_POCKUTILS_H

#include "Pock/IR/Pock.h"

namespace mlir::pock {

/// The result type of NumPy broadcasting; null if the shapes are incompatible.
RankedTensorType broadcastTypes(ArrayRef<RankedTensorType> types, Type element);

/// Sums `value` over the dimensions along which a tensor of type `type` was
/// broadcast to the shape of `value`; the result has type `type`. Broadcasts
/// are undone only here.
Value reduceToType(OpBuilder &b, Location loc, Value value,
                   RankedTensorType type);

/// A 0-D constant of the element type of `like` (a tensor type or value).
Value scalarConstant(OpBuilder &b, Location loc, Type like, double value);

/// A constant of type `type` with all entries equal.
Value splatConstant(OpBuilder &b, Location loc, RankedTensorType type,
                    double value);

/// `value` reshaped to `shape`; `value` itself if it has that shape already.
Value reshapeTo(OpBuilder &b, Location loc, Value value,
                ArrayRef<int64_t> shape);

/// A vector `[C]` reshaped so that it broadcasts along dimension `axis` of a
/// tensor of rank `rank`: `[C, 1, …]`.
Value alongAxis(OpBuilder &b, Location loc, Value vector, int64_t axis,
                int64_t rank);

/// `value` transposed; `value` itself if the permutation is the identity.
Value transposeTo(OpBuilder &b, Location loc, Value value,
                  ArrayRef<int64_t> permutation);

/// The element type of sums of products of `element`: `i32` for `i8` and `i16`.
Type sumElement(Type element);

/// Whether elements of these types are factors of one product: the types are
/// equal, or both are integers.
bool areFactors(Type lhs, Type rhs);

/// The shape of the static tensor `value`.
ArrayRef<int64_t> shapeOf(Value value);

/// Bytes in memory of a scalar, or of all elements of a static tensor or
/// buffer.
int64_t bytesOf(Type type);

/// Whether results in the module around `op` must be the same on all targets
/// (`pock.arithmetic = "portable"`).
bool isPortable(Operation *op);

/// The dimension of channels, and the first spatial one, of an activation.
int64_t channelDim(Layout layout, int64_t rank);
int64_t firstSpatialDim(Layout layout);

/// The dimensions of a convolution's weight: output channels, input channels of
/// a group, and the first spatial one.
struct FilterDims {
  int64_t out, in, firstSpatial;
  static FilterDims get(Layout layout, int64_t rank);
};

/// The spatial sizes of a convolution's weight of this shape.
ArrayRef<int64_t> kernelOf(Layout layout, ArrayRef<int64_t> weight);

/// Number of outputs of a window along one padded dimension; negative if the
/// window does not fit.
int64_t windowOutputs(int64_t size, int64_t kernel, int64_t stride, int64_t low,
                      int64_t high, int64_t dilation);

/// Whether Winograd's algorithm can compute a convolution, or a gradient of
/// one, with these attributes and a weight of shape `weight`.
bool allowsWinograd(Layout layout, ArrayRef<int64_t> weight,
                    ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations,
                    int64_t groups);

} // namespace mlir::pock

#endif // POCK_IR_POCKUTILS_H
