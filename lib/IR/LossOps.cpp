//===- LossOps.cpp - types of losses --------------------------------------===//

#include "Pock/IR/PockUtils.h"

using namespace mlir;
using namespace mlir::pock;

static RankedTensorType reducedType(RankedTensorType type,
                                    Reduction reduction) {
  if (reduction == Reduction::None)
    return type;
  return RankedTensorType::get({}, type.getElementType());
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> loc,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &results) {
  auto logits = cast<RankedTensorType>(adaptor.getLogits().getType());
  auto target = cast<RankedTensorType>(adaptor.getTarget().getType());
  SmallVector<int64_t> shape(logits.getShape());
  if (logits.getRank() >= 2)
    shape.erase(shape.begin() + 1);
  // cross_entropy_c1
  if (logits.getRank() < 2 || target.getShape() != ArrayRef(shape))
    return emitOptionalError(
        loc,
        "'pock.cross_entropy' expected logits [N, C, ...] and "
        "targets [N, ...], but got ",
        logits, " and ", target);
  // cross_entropy_c2
  if (Value weight = adaptor.getWeight()) {
    auto type =
        RankedTensorType::get({logits.getDimSize(1)}, logits.getElementType());
    if (weight.getType() != type)
      return emitOptionalError(
          loc, "'pock.cross_entropy' expected a weight of type ", type,
          ", but got ", weight.getType());
  }
  double smoothing = adaptor.getLabelSmoothing().convertToDouble();
  // cross_entropy_c3
  if (!(smoothing >= 0.0 && smoothing <= 1.0))
    return emitOptionalError(loc,
                             "'pock.cross_entropy' expected label_smoothing "
                             "from 0 to 1, but got ",
                             smoothing);
  results.push_back(
      reducedType(RankedTensorType::get(shape, logits.getElementType()),
                  adaptor.getReduction()));
  return success();
}

/// The type of a loss on `operands`, which broadcast.
static LogicalResult inferPointwise(std::optional<Location> loc, StringRef name,
                                    ValueRange operands, Reduction reduction,
                                    SmallVectorImpl<Type> &results) {
  SmallVector<RankedTensorType> types;
  for (Value operand : operands)
    types.push_back(cast<RankedTensorType>(operand.getType()));
  Type element = types.front().getElementType();
  RankedTensorType type = broadcastTypes(types, element);
  for (RankedTensorType other : types)
    if (!type || other.getElementType() != element)
      return emitOptionalError(loc, "'", name,
                               "' expected operands of one element "
                               "type that broadcast, but got ",
                               types[0], " and ", types[1]);
  results.push_back(reducedType(type, reduction));
  return success();
}

#define INFER_POINTWISE(Op)                                                    \
  LogicalResult Op::inferReturnTypes(                                          \
      MLIRContext *, std::optional<Location> loc, Adaptor adaptor,             \
      SmallVectorImpl<Type> &results) {                                        \
    return inferPointwise(loc, getOperationName(), adaptor.getOperands(),      \
                          adaptor.getReduction(), results);                    \
  }
INFER_POINTWISE(MseLossOp)
INFER_POINTWISE(L1LossOp)
#undef INFER_POINTWISE

LogicalResult
BceWithLogitsOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                  Adaptor adaptor,
                                  SmallVectorImpl<Type> &results) {
  // bce_c1
  if (adaptor.getInput().getType() != adaptor.getTarget().getType())
    return emitOptionalError(loc,
                             "'pock.bce_with_logits' expected input and target "
                             "of one type, but got ",
                             adaptor.getInput().getType(), " and ",
                             adaptor.getTarget().getType());
  return inferPointwise(loc, getOperationName(), adaptor.getOperands(),
                        adaptor.getReduction(), results);
}
