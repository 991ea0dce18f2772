//===- ContractionOps.cpp - types of matrix products ----------------------===//

#include "ZeroPoint.h"

using namespace mlir;
using namespace mlir::pock;

/// The input channels of a contraction whose weight is operand 1.
static std::optional<InputChannels> blocks(unsigned operand, Value weight,
                                           int64_t dim, int64_t groups) {
  if (operand != 1)
    return std::nullopt;
  return groups == 1 ? InputChannels{dim, shapeOf(weight)[dim]}
                     : InputChannels{0, groups};
}

std::optional<InputChannels> MatmulOp::getInputChannels(unsigned operand) {
  if (getRhs().getType().getRank() != 2)
    return std::nullopt;
  return blocks(operand, getRhs(), getTransposeRhs() ? 1 : 0, 1);
}

std::optional<InputChannels> LinearOp::getInputChannels(unsigned operand) {
  return blocks(operand, getWeight(), 1, 1);
}

// The weight of a depthwise convolution has one input channel per group, and
// the groups are its first dimension.
std::optional<InputChannels> ConvOp::getInputChannels(unsigned operand) {
  return blocks(operand, getWeight(), 1, getGroups());
}

// The weight of a transposed convolution is [inputs, outputs / groups, …].
std::optional<InputChannels>
ConvTransposeOp::getInputChannels(unsigned operand) {
  return blocks(operand, getWeight(), 0, getGroups());
}

LogicalResult pock::verifyZeroPoint(std::optional<Location> loc, StringRef name,
                                    Type element, int64_t zero) {
  // zero_c1
  if (llvm::isInt<8>(zero) && (zero == 0 || !isa<FloatType>(element)))
    return success();
  return emitOptionalError(loc, "'", name,
                           "' expected a zero point between -128 and 127, and "
                           "0 for ",
                           element, ", but got ", zero);
}

LogicalResult pock::verifyZeroPoints(std::optional<Location> loc,
                                     StringRef name, Type element,
                                     ArrayRef<int64_t> zeros) {
  return success(llvm::all_of(zeros, [&](int64_t zero) {
    return succeeded(verifyZeroPoint(loc, name, element, zero));
  }));
}

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  auto lhs = cast<RankedTensorType>(adaptor.getLhs().getType());
  auto rhs = cast<RankedTensorType>(adaptor.getRhs().getType());
  int64_t rank = lhs.getRank();
  // factors_c1, matmul_c1
  if (rank < 2 || rhs.getRank() != rank ||
      !areFactors(lhs.getElementType(), rhs.getElementType()))
    return emitOptionalError(loc,
                             "'pock.matmul' expected operands of one element "
                             "type and one rank of at least 2, but got ",
                             lhs, " and ", rhs);
  // matmul_c2
  if (lhs.getShape().drop_back(2) != rhs.getShape().drop_back(2))
    return emitOptionalError(
        loc, "'pock.matmul' expected equal leading dimensions, but got ", lhs,
        " and ", rhs);
  int64_t m = lhs.getDimSize(rank - 2), k = lhs.getDimSize(rank - 1);
  int64_t k2 = rhs.getDimSize(rank - 2), n = rhs.getDimSize(rank - 1);
  if (adaptor.getTransposeLhs())
    std::swap(m, k);
  if (adaptor.getTransposeRhs())
    std::swap(k2, n);
  // matmul_c3
  if (k != k2)
    return emitOptionalError(
        loc, "'pock.matmul' expected equal contracted dimensions, but got ", k,
        " and ", k2);
  SmallVector<int64_t> shape(lhs.getShape().drop_back(2));
  shape.append({m, n});
  results.push_back(
      RankedTensorType::get(shape, sumElement(lhs.getElementType())));
  return verifyZeroPoints(loc, getOperationName(), lhs.getElementType(),
                          {static_cast<int64_t>(adaptor.getLhsZero()),
                           static_cast<int64_t>(adaptor.getRhsZero())});
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  auto input = cast<RankedTensorType>(adaptor.getInput().getType());
  auto weight = cast<RankedTensorType>(adaptor.getWeight().getType());
  // linear_c1
  if (weight.getRank() != 2 || input.getRank() < 1 ||
      input.getElementType() != weight.getElementType())
    return emitOptionalError(loc,
                             "'pock.linear' expected an input and a weight of "
                             "rank 2 with one element type, but got ",
                             input, " and ", weight);
  // linear_c2
  if (input.getShape().back() != weight.getDimSize(1))
    return emitOptionalError(
        loc, "'pock.linear' expected equal last dimensions, but got ", input,
        " and ", weight);
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = weight.getDimSize(0);
  results.push_back(
      RankedTensorType::get(shape, sumElement(input.getElementType())));
  return verifyZeroPoint(loc, getOperationName(), input.getElementType(),
                         static_cast<int64_t>(adaptor.getInputZero()));
}
