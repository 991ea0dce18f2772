//===- AttentionOps.cpp - types and verifiers of attention ----------------===//

#include "Pock/IR/PockUtils.h"

using namespace mlir;
using namespace mlir::pock;

/// Checks what `pock.attention` and its gradient have in common.
static LogicalResult checkAttention(std::optional<Location> loc, StringRef name,
                                    RankedTensorType query,
                                    RankedTensorType key,
                                    RankedTensorType value, Value mask) {
  int64_t rank = query.getRank();
  // attention_c1
  if (rank < 2 || key.getRank() != rank || value.getRank() != rank ||
      key.getElementType() != query.getElementType() ||
      value.getElementType() != query.getElementType())
    return emitOptionalError(loc, "'", name,
                             "' expected operands of one element type and one "
                             "rank of at least 2, but got ",
                             query, ", ", key, " and ", value);
  ArrayRef<int64_t> leading = query.getShape().drop_back(2);
  // attention_c2
  if (key.getShape().drop_back(2) != leading ||
      value.getShape().drop_back(2) != leading)
    return emitOptionalError(loc, "'", name,
                             "' expected equal leading dimensions, but got ",
                             query, ", ", key, " and ", value);
  // attention_c3
  if (key.getDimSize(rank - 1) != query.getDimSize(rank - 1) ||
      key.getDimSize(rank - 2) != value.getDimSize(rank - 2))
    return emitOptionalError(
        loc, "'", name,
        "' expected query and key of one last dimension, key and value of one "
        "length, but got ",
        query, ", ", key, " and ", value);
  if (!mask)
    return success();
  auto type = cast<RankedTensorType>(mask.getType());
  SmallVector<int64_t> shape(leading);
  shape.append({query.getDimSize(rank - 2), key.getDimSize(rank - 2)});
  auto scores = RankedTensorType::get(shape, type.getElementType());
  // attention_c4
  bool typed = type.getElementType().isInteger(1) ||
               type.getElementType() == query.getElementType();
  if (!typed || broadcastTypes({type, scores}, type.getElementType()) != scores)
    return emitOptionalError(loc, "'", name,
                             "' expected a mask of i1 or of the query's "
                             "element type that broadcasts to ",
                             scores, ", but got ", type);
  return success();
}

/// The types of output and logarithms.
static std::pair<Type, Type> inferAttention(RankedTensorType query,
                                            RankedTensorType value) {
  SmallVector<int64_t> shape(query.getShape());
  shape.back() = value.getShape().back();
  Type output = RankedTensorType::get(shape, query.getElementType());
  shape.back() = 1;
  return {output, RankedTensorType::get(shape, query.getElementType())};
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &results) {
  auto query = cast<RankedTensorType>(adaptor.getQuery().getType());
  auto value = cast<RankedTensorType>(adaptor.getValue().getType());
  if (failed(checkAttention(loc, getOperationName(), query,
                            cast<RankedTensorType>(adaptor.getKey().getType()),
                            value, adaptor.getMask())))
    return failure();
  auto [output, lse] = inferAttention(query, value);
  results.append({output, lse});
  return success();
}

LogicalResult AttentionGradOp::verify() {
  // attention_grad_c1
  if (failed(checkAttention(getLoc(), getOperationName(), getQuery().getType(),
                            getKey().getType(), getValue().getType(),
                            getMask())))
    return failure();
  auto [output, lse] =
      inferAttention(getQuery().getType(), getValue().getType());
  // attention_grad_c2; the traits of the op check the type of `gradient`.
  if (getOutput().getType() != output || getLse().getType() != lse)
    return emitOpError("expected output and lse of types ")
           << output << " and " << lse << ", but got " << getOutput().getType()
           << " and " << getLse().getType();
  return success();
}
