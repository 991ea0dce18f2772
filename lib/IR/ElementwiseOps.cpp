//===- ElementwiseOps.cpp - types and verifiers of elementwise ops --------===//

#include "Pock/IR/PockUtils.h"

using namespace mlir;
using namespace mlir::pock;

/// The type of an op that broadcasts `operands`, which have one element type
/// unless `element` is given.
static LogicalResult inferBroadcast(std::optional<Location> loc, StringRef name,
                                    ValueRange operands, Type element,
                                    SmallVectorImpl<Type> &results) {
  SmallVector<RankedTensorType> types;
  for (Value operand : operands) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      return emitOptionalError(loc, "'", name,
                               "' expected ranked tensors, but got ",
                               operand.getType());
    types.push_back(type);
  }
  for (RankedTensorType type : types)
    if (type.getElementType() != types.front().getElementType())
      return emitOptionalError(
          loc, "'", name, "' expected operands of one element type, but got ",
          types.front(), " and ", type);
  RankedTensorType type =
      broadcastTypes(types, element ? element : types.front().getElementType());
  if (!type)
    return emitOptionalError(loc, "'", name,
                             "' expected operands that broadcast, but got ",
                             types[0], " and ", types[1]);
  results.push_back(type);
  return success();
}

#define INFER_BINARY(Op)                                                       \
  LogicalResult Op::inferReturnTypes(                                          \
      MLIRContext *, std::optional<Location> loc, Adaptor adaptor,             \
      SmallVectorImpl<Type> &results) {                                        \
    return inferBroadcast(loc, getOperationName(), adaptor.getOperands(), {},  \
                          results);                                            \
  }
INFER_BINARY(AddOp)
INFER_BINARY(SubOp)
INFER_BINARY(MulOp)
INFER_BINARY(DivOp)
INFER_BINARY(PowOp)
INFER_BINARY(FmodOp)
INFER_BINARY(MaximumOp)
INFER_BINARY(MinimumOp)
INFER_BINARY(AndOp)
INFER_BINARY(OrOp)
INFER_BINARY(FloorDivOp)
INFER_BINARY(TruncDivOp)
INFER_BINARY(ShiftLeftOp)
INFER_BINARY(ShiftRightOp)
#undef INFER_BINARY

LogicalResult CmpOp::inferReturnTypes(MLIRContext *context,
                                      std::optional<Location> loc,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &results) {
  return inferBroadcast(loc, getOperationName(), adaptor.getOperands(),
                        IntegerType::get(context, 1), results);
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  SmallVector<Type> chosen;
  if (failed(inferBroadcast(loc, getOperationName(),
                            {adaptor.getOnTrue(), adaptor.getOnFalse()}, {},
                            chosen)))
    return failure();
  auto value = cast<RankedTensorType>(chosen.front());
  auto condition = dyn_cast<RankedTensorType>(adaptor.getCondition().getType());
  RankedTensorType type =
      condition ? broadcastTypes({condition, value}, value.getElementType())
                : RankedTensorType();
  if (!type)
    return emitOptionalError(
        loc, "'pock.select' expected operands that broadcast, but got ",
        adaptor.getCondition().getType(), " and ", value);
  results.push_back(type);
  return success();
}

LogicalResult CastOp::verify() {
  // cast_c1
  if (getInput().getType().getShape() != getType().getShape())
    return emitOpError(
               "expected operand and result of the same shape, but got ")
           << getInput().getType() << " and " << getType();
  return success();
}

LogicalResult HardtanhOp::verify() {
  // hardtanh_c1
  if (!(getMin().convertToDouble() <= getMax().convertToDouble()))
    return emitOpError("expected min <= max, but got ")
           << getMin().convertToDouble() << " and "
           << getMax().convertToDouble();
  return success();
}

LogicalResult ClampOp::verify() {
  // clamp_c1
  if (!getMin() && !getMax())
    return emitOpError("expected min, max or both");
  return success();
}

LogicalResult SoftplusOp::verify() {
  // softplus_c1
  if (getBeta().isZero())
    return emitOpError("expected beta other than zero");
  return success();
}

LogicalResult WithDerivativesOp::verify() {
  // with_derivatives_c1
  if (getValue().getType() != getType())
    return emitOpError("expected value and result of the same type, but got ")
           << getValue().getType() << " and " << getType();
  // with_derivatives_c2
  for (Value operand : getOperands().drop_front()) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (type.getElementType() != getType().getElementType() ||
        broadcastTypes({type, getType()}, getType().getElementType()) !=
            getType())
      return emitOpError("expected operands of one element type that broadcast "
                         "to the result, but got ")
             << type << " and " << getType();
  }
  return success();
}
