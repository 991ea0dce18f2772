//===- NormOps.cpp - types of normalisation ops ---------------------------===//

#include "Pock/IR/PockUtils.h"

using namespace mlir;
using namespace mlir::pock;

/// Checks `axis` and that all `vectors` are `[C]`; returns that type.
static RankedTensorType inferChannels(std::optional<Location> loc,
                                      StringRef name, RankedTensorType input,
                                      int64_t axis, ValueRange vectors) {
  // batch_norm_c1
  if (axis < 0 || axis >= input.getRank()) {
    (void)emitOptionalError(loc, "'", name, "' expected axis to be from 0 to ",
                            input.getRank() - 1, ", but got ", axis);
    return {};
  }
  auto type =
      RankedTensorType::get({input.getDimSize(axis)}, input.getElementType());
  // batch_norm_c2
  for (Value vector : vectors) {
    if (vector.getType() != type) {
      (void)emitOptionalError(loc, "'", name,
                              "' expected per-channel operands of type ", type,
                              ", but got ", vector.getType());
      return {};
    }
  }
  return type;
}

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &results) {
  auto input = cast<RankedTensorType>(adaptor.getInput().getType());
  if (!inferChannels(loc, getOperationName(), input, adaptor.getAxis(),
                     adaptor.getOperands().drop_front()))
    return failure();
  results.push_back(input);
  return success();
}

LogicalResult
BatchNormTrainOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                   Adaptor adaptor,
                                   SmallVectorImpl<Type> &results) {
  auto input = cast<RankedTensorType>(adaptor.getInput().getType());
  RankedTensorType channels =
      inferChannels(loc, getOperationName(), input, adaptor.getAxis(),
                    adaptor.getOperands().drop_front());
  if (!channels)
    return failure();
  // batch_norm_train_c1
  if (input.getNumElements() <= channels.getDimSize(0))
    return emitOptionalError(loc,
                             "'pock.batch_norm_train' expected more than "
                             "one value per channel, but got ",
                             input);
  results.append({input, channels, channels});
  return success();
}

LogicalResult NormalizeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &results) {
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  SmallVector<int64_t> shape(type.getShape());
  int64_t previous = -1;
  // normalize_c1: distinct, ascending, within the rank.
  for (int64_t dim : adaptor.getDims()) {
    if (dim <= previous || dim >= type.getRank())
      return emitOptionalError(loc,
                               "'pock.normalize' expected dims to be distinct, "
                               "ascending and less than ",
                               type.getRank(), ", but got ", dim);
    shape[dim] = 1;
    previous = dim;
  }
  // normalize_c1: at least one.
  if (adaptor.getDims().empty())
    return emitOptionalError(loc, "'pock.normalize' expected at least one dim");
  results.push_back(type);
  results.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}
