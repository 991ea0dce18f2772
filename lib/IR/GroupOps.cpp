//===- GroupOps.cpp - groups of neighbours, and sums of their products ----===//

#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::pock;

MemRefType GroupViewOp::getGroupType(MemRefType source, int64_t wordBits) {
  int64_t group = wordBits / (8 * bytesOf(source.getElementType()));
  if (source.getRank() == 0 || !source.getLayout().isIdentity() ||
      source.getShape().back() % group != 0)
    return {};
  SmallVector<int64_t> shape(source.getShape());
  shape.back() /= group;
  return MemRefType::get(shape,
                         IntegerType::get(source.getContext(), wordBits));
}

void GroupViewOp::build(OpBuilder &b, OperationState &state, Value source) {
  build(b, state, getGroupType(cast<MemRefType>(source.getType())), source);
}

LogicalResult GroupViewOp::verify() {
  MemRefType source = getSource().getType();
  int64_t word = getType().getElementTypeBitWidth();
  MemRefType expected = getGroupType(source, word);
  // group_view_c1
  if (!expected)
    return emitOpError("expected a contiguous source whose last dimension is "
                       "a multiple of ")
           << word / (8 * bytesOf(source.getElementType())) << ", but got "
           << source;
  // group_view_c2
  if (getType() != expected)
    return emitOpError("expected a result of type ")
           << expected << ", but got " << getType();
  return success();
}

Value GroupViewOp::getViewSource() { return getSource(); }

int64_t DotOp::getGroup() {
  return getElementTypeOrSelf(getLhs().getType()).getIntOrFloatBitWidth() /
         getLhsElement().getIntOrFloatBitWidth();
}

LogicalResult DotOp::verify() {
  Type lhs = getLhsElement(), rhs = getRhsElement();
  auto isNarrow = [](Type type) {
    return type.isBF16() ||
           ((type.isSignedInteger() || type.isUnsignedInteger()) &&
            (type.getIntOrFloatBitWidth() == 8 ||
             type.getIntOrFloatBitWidth() == 16));
  };
  // dot_c1
  for (Type element : {lhs, rhs})
    if (!isNarrow(element))
      return emitOpError("expected elements of bf16, or of 8 or 16 bits with a "
                         "sign (si8, ui8), but got ")
             << element;
  if (lhs.getIntOrFloatBitWidth() != rhs.getIntOrFloatBitWidth() ||
      lhs.isBF16() != rhs.isBF16())
    return emitOpError("expected elements of one width and kind, but got ")
           << lhs << " and " << rhs;
  // dot_c2
  if (getElementTypeOrSelf(getType()).isF32() != lhs.isBF16())
    return emitOpError("expected a sum in ")
           << (lhs.isBF16() ? "f32" : "i32") << ", but got " << getType();
  return success();
}
