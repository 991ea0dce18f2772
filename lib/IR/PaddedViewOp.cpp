//===- PaddedViewOp.cpp - a buffer seen with a border ---------------------===//

#include "Pock/IR/Pock.h"

using namespace mlir;
using namespace mlir::pock;

MemRefType PaddedViewOp::getPaddedType(MemRefType source, ArrayRef<int64_t> low,
                                       ArrayRef<int64_t> high) {
  SmallVector<int64_t> shape, strides;
  int64_t offset;
  if (failed(source.getStridesAndOffset(strides, offset)))
    return {};
  for (auto [size, l, h] : llvm::zip_equal(source.getShape(), low, high))
    shape.push_back(l + size + h);
  return MemRefType::get(shape, source.getElementType(),
                         StridedLayoutAttr::get(source.getContext(),
                                                ShapedType::kDynamic, strides));
}

void PaddedViewOp::build(OpBuilder &b, OperationState &state, Value source,
                         ArrayRef<int64_t> low, ArrayRef<int64_t> high) {
  auto type = cast<MemRefType>(source.getType());
  build(b, state, getPaddedType(type, low, high), source, low, high);
}

LogicalResult PaddedViewOp::verify() {
  MemRefType source = getSource().getType();
  size_t rank = source.getRank();
  auto isNegative = [](int64_t i) { return i < 0; };
  for (auto [name, border] :
       {std::pair(getLowAttrName(), getLow()), {getHighAttrName(), getHigh()}})
    // padded_view_c1
    if (border.size() != rank || llvm::any_of(border, isNegative))
      return emitOpError("expected ")
             << name << " to have " << rank
             << " entries, none negative, but got [" << border << "]";
  MemRefType expected = getPaddedType(source, getLow(), getHigh());
  if (!expected)
    return emitOpError("expected a strided source, but got ") << source;
  // padded_view_c2
  if (getType() != expected)
    return emitOpError("expected a result of type ")
           << expected << ", but got " << getType();
  return success();
}

Value PaddedViewOp::getViewSource() { return getSource(); }
