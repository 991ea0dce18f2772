//===- ReductionOps.cpp - types and verifiers of reductions ---------------===//

#include "Pock/IR/PockUtils.h"

using namespace mlir;
using namespace mlir::pock;

/// The type of a reduction of `input` over `dims`, null after an error.
static RankedTensorType inferReduced(std::optional<Location> loc,
                                     StringRef name, Value input,
                                     ArrayRef<int64_t> dims, bool keepdim) {
  auto type = cast<RankedTensorType>(input.getType());
  int64_t previous = -1;
  // reduce_c1, argmax_c1
  for (int64_t dim : dims) {
    if (dim <= previous || dim >= type.getRank()) {
      (void)emitOptionalError(
          loc, "'", name,
          "' expected dims to be distinct, ascending and less than ",
          type.getRank(), ", but got ", dim);
      return {};
    }
    previous = dim;
  }
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (!llvm::is_contained(dims, i))
      shape.push_back(type.getDimSize(i));
    else if (keepdim)
      shape.push_back(1);
  }
  return RankedTensorType::get(shape, type.getElementType());
}

#define INFER_REDUCTION(Op)                                                    \
  LogicalResult Op::inferReturnTypes(                                          \
      MLIRContext *, std::optional<Location> loc, Adaptor adaptor,             \
      SmallVectorImpl<Type> &results) {                                        \
    RankedTensorType type =                                                    \
        inferReduced(loc, getOperationName(), adaptor.getInput(),              \
                     adaptor.getDims(), adaptor.getKeepdim());                 \
    results.push_back(type);                                                   \
    return success(type != nullptr);                                           \
  }
INFER_REDUCTION(SumOp)
INFER_REDUCTION(MeanOp)
INFER_REDUCTION(AmaxOp)
#undef INFER_REDUCTION

LogicalResult ArgmaxOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &results) {
  RankedTensorType type =
      inferReduced(loc, getOperationName(), adaptor.getInput(),
                   {static_cast<int64_t>(adaptor.getDim())}, false);
  if (!type)
    return failure();
  results.push_back(
      RankedTensorType::get(type.getShape(), IntegerType::get(context, 64)));
  return success();
}

static LogicalResult verifyDim(Operation *op, int64_t dim, int64_t rank) {
  // softmax_c1, cumsum_c1, iota_c1
  if (dim < 0 || dim >= rank)
    return op->emitOpError("expected dim to be from 0 to ")
           << rank - 1 << ", but got " << dim;
  return success();
}

LogicalResult SoftmaxOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank());
}
LogicalResult LogSoftmaxOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank());
}
LogicalResult CumsumOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank());
}
LogicalResult IotaOp::verify() {
  return verifyDim(*this, getDim(), getType().getRank());
}
