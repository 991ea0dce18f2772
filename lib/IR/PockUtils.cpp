//===- PockUtils.cpp - small builders over pock ops -----------------------===//

#include "Pock/IR/PockUtils.h"
#include "Pock/IR/AttributeNames.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::pock;

RankedTensorType pock::broadcastTypes(ArrayRef<RankedTensorType> types,
                                      Type element) {
  SmallVector<int64_t> shape;
  for (RankedTensorType type : types) {
    ArrayRef<int64_t> other = type.getShape();
    if (other.size() > shape.size())
      shape.insert(shape.begin(), other.size() - shape.size(), 1);
    for (size_t i = 0; i < other.size(); ++i) {
      int64_t &dim = shape[shape.size() - other.size() + i];
      if (dim == 1)
        dim = other[i];
      else if (other[i] != 1 && other[i] != dim)
        return {};
    }
  }
  return RankedTensorType::get(shape, element);
}

ArrayRef<int64_t> pock::shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Value pock::reduceToType(OpBuilder &b, Location loc, Value value,
                         RankedTensorType type) {
  ArrayRef<int64_t> from = shapeOf(value), to = type.getShape();
  int64_t missing = from.size() - to.size();
  SmallVector<int64_t> dims;
  for (int64_t i = 0; i < static_cast<int64_t>(from.size()); ++i)
    if (i < missing || (to[i - missing] == 1 && from[i] != 1))
      dims.push_back(i);
  if (!dims.empty())
    value = SumOp::create(b, loc, value, dims, /*keepdim=*/false);
  return reshapeTo(b, loc, value, to);
}

Value pock::splatConstant(OpBuilder &b, Location loc, RankedTensorType type,
                          double value) {
  Type element = type.getElementType();
  Attribute attr = isa<FloatType>(element)
                       ? cast<Attribute>(b.getFloatAttr(element, value))
                       : cast<Attribute>(b.getIntegerAttr(
                             element, static_cast<int64_t>(value)));
  return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, attr));
}

Value pock::scalarConstant(OpBuilder &b, Location loc, Type like,
                           double value) {
  return splatConstant(
      b, loc, RankedTensorType::get({}, getElementTypeOrSelf(like)), value);
}

Value pock::reshapeTo(OpBuilder &b, Location loc, Value value,
                      ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getShape() == shape)
    return value;
  return ReshapeOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), value);
}

Value pock::alongAxis(OpBuilder &b, Location loc, Value vector, int64_t axis,
                      int64_t rank) {
  SmallVector<int64_t> shape(rank - axis, 1);
  shape[0] = shapeOf(vector)[0];
  return reshapeTo(b, loc, vector, shape);
}

Value pock::transposeTo(OpBuilder &b, Location loc, Value value,
                        ArrayRef<int64_t> permutation) {
  for (auto [i, p] : llvm::enumerate(permutation))
    if (static_cast<int64_t>(i) != p)
      return TransposeOp::create(b, loc, value, permutation);
  return value;
}

bool mlir::pock::isPortable(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  auto arithmetic =
      module ? module->getAttrOfType<StringAttr>(attribute::arithmetic)
             : nullptr;
  return arithmetic && arithmetic == "portable";
}

Type pock::sumElement(Type element) {
  return element.isInteger(8) || element.isInteger(16)
             ? IntegerType::get(element.getContext(), 32)
             : element;
}

bool pock::areFactors(Type lhs, Type rhs) {
  return lhs == rhs || (isa<IntegerType>(lhs) && isa<IntegerType>(rhs));
}

int64_t pock::channelDim(Layout layout, int64_t rank) {
  return layout == Layout::ChannelsFirst ? 1 : rank - 1;
}

int64_t pock::firstSpatialDim(Layout layout) {
  return layout == Layout::ChannelsFirst ? 2 : 1;
}

FilterDims FilterDims::get(Layout layout, int64_t rank) {
  switch (layout) {
  case Layout::ChannelsFirst:
    return {0, 1, 2};
  case Layout::ChannelsLast:
    return {rank - 1, rank - 2, 0};
  case Layout::ChannelsLastOhwi:
    return {0, rank - 1, 1};
  }
  llvm_unreachable("unknown layout");
}

ArrayRef<int64_t> pock::kernelOf(Layout layout, ArrayRef<int64_t> weight) {
  int64_t rank = weight.size();
  return weight.slice(FilterDims::get(layout, rank).firstSpatial, rank - 2);
}

int64_t pock::windowOutputs(int64_t size, int64_t kernel, int64_t stride,
                            int64_t low, int64_t high, int64_t dilation) {
  int64_t room = size + low + high - dilation * (kernel - 1) - 1;
  return room < 0 ? -1 : room / stride + 1;
}

bool pock::allowsWinograd(Layout layout, ArrayRef<int64_t> weight,
                          ArrayRef<int64_t> strides,
                          ArrayRef<int64_t> dilations, int64_t groups) {
  auto isOne = [](int64_t i) { return i == 1; };
  return layout == Layout::ChannelsLast && groups == 1 && weight.size() == 4 &&
         weight[0] == 3 && weight[1] == 3 && llvm::all_of(strides, isOne) &&
         llvm::all_of(dilations, isOne);
}
