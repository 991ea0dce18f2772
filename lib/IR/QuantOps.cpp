//===- QuantOps.cpp - verifiers of quantisation ---------------------------===//

#include "Pock/IR/PockUtils.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

LogicalResult
QuantizationAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                         Real scale, int64_t zeroPoint, int64_t min,
                         int64_t max, FlatSymbolRefAttr scales, int64_t axis) {
  // quantization_c1
  if (!(scale.value > 0.0) || !std::isfinite(scale.value))
    return emitError() << "expected 'scale' to be positive and finite, but got "
                       << scale.value;
  // quantization_c2
  if (min > zeroPoint || zeroPoint > max)
    return emitError() << "expected min <= zero_point <= max, but got " << min
                       << ", " << zeroPoint << " and " << max;
  // quantization_c3
  if (bool(scales) != (axis >= 0))
    return emitError()
           << "expected 'axis' with 'scales', and without them none";
  return success();
}

static bool isByte(int64_t value) { return llvm::isInt<8>(value); }

template <typename Op>
static LogicalResult verifyRange(Op op) {
  // range_c1
  auto min = static_cast<int64_t>(op.getMin());
  auto max = static_cast<int64_t>(op.getMax());
  auto zero = static_cast<int64_t>(op.getZeroPoint());
  if (!isByte(min) || !isByte(max) || min > max)
    return op.emitOpError("expected -128 <= min <= max <= 127, but got ")
           << min << " and " << max;
  // range_c2
  if (!isByte(zero))
    return op.emitOpError(
               "expected a zero point between -128 and 127, but got ")
           << zero;
  return success();
}

/// Checks that `operand`, if there is one, broadcasts to the shape of `like`.
static bool broadcastsTo(Value operand, RankedTensorType like) {
  if (!operand)
    return true;
  auto type = cast<RankedTensorType>(operand.getType());
  RankedTensorType result = broadcastTypes({type, like}, like.getElementType());
  return result && result.getShape() == like.getShape();
}

LogicalResult QuantizeOp::verify() {
  double scale = getScale().convertToDouble();
  // quantize_c1
  if (!(scale > 0.0) || !std::isfinite(scale) ||
      !std::isfinite(static_cast<float>(1.0 / scale)))
    return emitOpError(
               "expected a positive scale with a finite inverse in f32, "
               "but got ")
           << scale;
  // quantize_c2
  if (getInput().getType().getShape() != getType().getShape())
    return emitOpError(
               "expected operand and result of the same shape, but got ")
           << getInput().getType() << " and " << getType();
  return verifyRange(*this);
}

LogicalResult DequantizeOp::verify() {
  double scale = getScale().convertToDouble();
  // dequantize_c1
  if (!(scale > 0.0) || !std::isfinite(scale))
    return emitOpError("expected a positive and finite scale, but got ")
           << scale;
  // dequantize_c2
  RankedTensorType input = getInput().getType();
  if (input.getShape() != getType().getShape() ||
      !broadcastsTo(getScales(), input) ||
      (getScales() &&
       getScales().getType().getElementType() != getType().getElementType()))
    return emitOpError(
               "expected input and result of the same shape, and scales "
               "of the result's element type that broadcast to it, but "
               "got ")
           << input << " and " << getType();
  return success();
}

template <typename Op>
static LogicalResult verifyRequantize(Op op) {
  // requantize_c1
  RankedTensorType input = op.getInput().getType();
  if (input.getShape() != op.getType().getShape() ||
      !broadcastsTo(op.getMultiplier(), input) ||
      !broadcastsTo(op.getShift(), input))
    return op.emitOpError(
               "expected input and result of the same shape, to which "
               "multiplier and shift broadcast, but got ")
           << input << " and " << op.getType();
  return verifyRange(op);
}

LogicalResult RequantizeOp::verify() { return verifyRequantize(*this); }
LogicalResult RequantizeMaskOp::verify() { return verifyRequantize(*this); }

/// Checks that an elementwise op keeps the shape of its first operand.
template <typename Op>
static LogicalResult verifySameShape(Op op) {
  if (op.getInput().getType().getShape() != op.getType().getShape())
    return op.emitOpError(
               "expected operand and result of the same shape, but got ")
           << op.getInput().getType() << " and " << op.getType();
  return success();
}

/// Checks an op with blocks of `numbers`.
template <typename Op>
static LogicalResult verifyBlock(Op op, Value numbers) {
  auto bits = static_cast<int64_t>(op.getBits());
  auto [fewest, most] = getElementTypeOrSelf(numbers).isF16()
                            ? std::pair(-8, 2)
                            : std::pair(4, 16);
  // block_c1
  if (bits < fewest || bits > most)
    return op.emitOpError("expected from ")
           << fewest << " to " << most << " bits, but got " << bits;
  return verifySameShape(op);
}

// magnitude_c1
LogicalResult MagnitudeOp::verify() { return verifySameShape(*this); }
// block_quantize_c1
LogicalResult BlockQuantizeOp::verify() {
  return verifyBlock(*this, getResult());
}
// block_dequantize_c1
LogicalResult BlockDequantizeOp::verify() {
  return verifyBlock(*this, getInput());
}

LogicalResult QuantizedUpdateOp::verify() {
  RankedTensorType param = getParam().getType();
  // quantized_update_c1
  if (getChange().getType().getShape() != param.getShape() ||
      !broadcastsTo(getInverseScale(), param) ||
      getInverseScale().getType().getElementType() !=
          getChange().getType().getElementType())
    return emitOpError("expected a change of the parameter's shape, to which "
                       "inverse_scale of its element type broadcasts, but got ")
           << getChange().getType() << " and " << getInverseScale().getType()
           << " for " << param;
  // quantized_update_c2
  if (bool(getSeed()) != bool(getStep()))
    return emitOpError("expected seed and step together");
  if (getSeed() &&
      (!getStrides() ||
       static_cast<int64_t>(getStrides()->size()) != param.getRank()))
    return emitOpError("expected one stride per dimension of ") << param;
  // quantized_update_c3
  unsigned bits = param.getElementTypeBitWidth();
  auto min = static_cast<int64_t>(getMin()),
       max = static_cast<int64_t>(getMax());
  if (!llvm::isIntN(bits, min) || !llvm::isIntN(bits, max) || min > max)
    return emitOpError("expected min <= max, integers of ")
           << bits << " bits, but got " << min << " and " << max;
  return success();
}
