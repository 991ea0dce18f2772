//===- PairViewOp.cpp - a buffer of bf16 seen as pairs --------------------===//

#include "Pock/IR/Pock.h"

using namespace mlir;
using namespace mlir::pock;

MemRefType PairViewOp::getPairType(MemRefType source) {
  if (source.getRank() == 0 || !source.getLayout().isIdentity() ||
      source.getShape().back() % 2 != 0)
    return {};
  SmallVector<int64_t> shape(source.getShape());
  shape.back() /= 2;
  return MemRefType::get(shape, IntegerType::get(source.getContext(), 32));
}

void PairViewOp::build(OpBuilder &b, OperationState &state, Value source) {
  build(b, state, getPairType(cast<MemRefType>(source.getType())), source);
}

LogicalResult PairViewOp::verify() {
  MemRefType expected = getPairType(getSource().getType());
  // pair_view_c1
  if (!expected)
    return emitOpError("expected a contiguous source whose last dimension is "
                       "even, but got ")
           << getSource().getType();
  // pair_view_c2
  if (getType() != expected)
    return emitOpError("expected a result of type ")
           << expected << ", but got " << getType();
  return success();
}

Value PairViewOp::getViewSource() { return getSource(); }
