//===- ShapeOps.cpp - types and verifiers of data movement ----------------===//

#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace mlir::pock;

LogicalResult ReshapeOp::verify() {
  // reshape_c1
  if (getInput().getType().getNumElements() != getType().getNumElements() ||
      getInput().getType().getElementType() != getType().getElementType())
    return emitOpError("expected as many elements of the same type, but got ")
           << getInput().getType() << " and " << getType();
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &results) {
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  // transpose_c1
  if (static_cast<int64_t>(permutation.size()) != type.getRank() ||
      !isPermutationVector(permutation))
    return emitOptionalError(loc, "'pock.transpose' expected a permutation of ",
                             type.getRank(), " dimensions");
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation)
    shape.push_back(type.getDimSize(dim));
  results.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}

LogicalResult PackBitsOp::inferReturnTypes(MLIRContext *context,
                                           std::optional<Location> loc,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &results) {
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  // pack_bits_c1
  if (type.getRank() == 0 || type.getDimSize(0) != 8)
    return emitOptionalError(loc,
                             "'pock.pack_bits' expected a first dimension "
                             "of 8, but got ",
                             type);
  results.push_back(RankedTensorType::get(type.getShape().drop_front(),
                                          IntegerType::get(context, 8)));
  return success();
}

LogicalResult UnpackBitsOp::inferReturnTypes(MLIRContext *context,
                                             std::optional<Location>,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &results) {
  SmallVector<int64_t> shape = {8};
  llvm::append_range(
      shape, cast<RankedTensorType>(adaptor.getInput().getType()).getShape());
  results.push_back(RankedTensorType::get(shape, IntegerType::get(context, 1)));
  return success();
}

LogicalResult ExpandOp::verify() {
  RankedTensorType input = getInput().getType();
  // expand_c1
  if (input.getElementType() != getType().getElementType() ||
      broadcastTypes({input, getType()}, input.getElementType()) != getType())
    return emitOpError(
               "expected an operand that broadcasts to the result, but got ")
           << input << " and " << getType();
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  // concat_c1
  if (adaptor.getInputs().empty())
    return emitOptionalError(loc, "'pock.concat' expected at least one input");
  auto first = cast<RankedTensorType>(adaptor.getInputs()[0].getType());
  int64_t dim = adaptor.getDim();
  // concat_c2
  if (dim < 0 || dim >= first.getRank())
    return emitOptionalError(loc, "'pock.concat' expected dim to be from 0 to ",
                             first.getRank() - 1, ", but got ", dim);
  SmallVector<int64_t> shape(first.getShape());
  for (Value input : adaptor.getInputs().drop_front()) {
    auto type = cast<RankedTensorType>(input.getType());
    SmallVector<int64_t> expected(first.getShape());
    if (type.getRank() == first.getRank())
      expected[dim] = type.getDimSize(dim);
    // concat_c3
    if (type.getShape() != ArrayRef(expected) ||
        type.getElementType() != first.getElementType())
      return emitOptionalError(
          loc, "'pock.concat' expected inputs that differ in dimension ", dim,
          " only, but got ", first, " and ", type);
    shape[dim] += type.getDimSize(dim);
  }
  results.push_back(RankedTensorType::get(shape, first.getElementType()));
  return success();
}

/// The type of a slice of `type`.
static FailureOr<RankedTensorType>
inferSlice(std::optional<Location> loc, StringRef name, RankedTensorType type,
           ArrayRef<int64_t> starts, ArrayRef<int64_t> limits,
           ArrayRef<int64_t> strides) {
  size_t rank = type.getRank();
  // slice_c1
  if (starts.size() != rank || limits.size() != rank || strides.size() != rank)
    return emitOptionalError(loc, "'", name,
                             "' expected starts, limits and strides to have ",
                             rank, " entries each");
  SmallVector<int64_t> shape;
  for (size_t i = 0; i < rank; ++i) {
    // slice_c2
    if (starts[i] < 0 || starts[i] > limits[i] ||
        limits[i] > type.getDimSize(i) || strides[i] < 1)
      return emitOptionalError(
          loc, "'", name,
          "' expected 0 <= start <= limit <= ", type.getDimSize(i),
          " and a positive stride in dimension ", i, ", but got start ",
          starts[i], ", limit ", limits[i], ", stride ", strides[i]);
    shape.push_back((limits[i] - starts[i] + strides[i] - 1) / strides[i]);
  }
  return RankedTensorType::get(shape, type.getElementType());
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &results) {
  FailureOr<RankedTensorType> type = inferSlice(
      loc, getOperationName(),
      cast<RankedTensorType>(adaptor.getInput().getType()), adaptor.getStarts(),
      adaptor.getLimits(), adaptor.getStrides());
  if (failed(type))
    return failure();
  results.push_back(*type);
  return success();
}

LogicalResult InsertSliceOp::verify() {
  FailureOr<RankedTensorType> type =
      inferSlice(getLoc(), getOperationName(), getType(), getStarts(),
                 getLimits(), getStrides());
  if (failed(type))
    return failure();
  // insert_slice_c1
  if (getSource().getType() != *type)
    return emitOpError("expected a source of type ")
           << *type << ", but got " << getSource().getType();
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> loc,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &results) {
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  ArrayRef<int64_t> low = adaptor.getLow(), high = adaptor.getHigh(),
                    interior = adaptor.getInterior();
  size_t rank = type.getRank();
  // pad_c1: one entry per dimension.
  if (low.size() != rank || high.size() != rank || interior.size() != rank)
    return emitOptionalError(
        loc, "'pock.pad' expected low, high and interior to have ", rank,
        " entries each");
  SmallVector<int64_t> shape;
  for (size_t i = 0; i < rank; ++i) {
    // pad_c1: none negative.
    if (low[i] < 0 || high[i] < 0 || interior[i] < 0)
      return emitOptionalError(loc,
                               "'pock.pad' expected low, high and interior "
                               "that are not negative");
    int64_t size = type.getDimSize(i);
    shape.push_back(low[i] + high[i] + size +
                    std::max<int64_t>(size - 1, 0) * interior[i]);
  }
  results.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}
