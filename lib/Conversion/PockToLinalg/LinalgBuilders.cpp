//===- LinalgBuilders.cpp - small builders over linalg and tensor ---------===//

#include "LinalgBuilders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

using namespace mlir;
using namespace mlir::pock;

AffineExpr Loops::add(utils::IteratorType iterator) {
  iterators.push_back(iterator);
  return getAffineDimExpr(iterators.size() - 1, context);
}

SmallVector<AffineExpr> Loops::parallel(int64_t count) {
  SmallVector<AffineExpr> dims;
  for (int64_t i = 0; i < count; ++i)
    dims.push_back(parallel());
  return dims;
}

SmallVector<AffineExpr> Loops::reduction(int64_t count) {
  SmallVector<AffineExpr> dims;
  for (int64_t i = 0; i < count; ++i)
    dims.push_back(reduction());
  return dims;
}

ArrayRef<int64_t> pock::getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

Type pock::getElement(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

Value pock::buildScalarConstant(OpBuilder &b, Location loc, Type type,
                                double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(
      b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value pock::buildEmpty(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                       Type element) {
  return tensor::EmptyOp::create(b, loc, shape, element);
}

Value pock::buildFilled(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                        Value value) {
  Value empty = buildEmpty(b, loc, shape, value.getType());
  return linalg::FillOp::create(b, loc, value, empty).getResult(0);
}

Value pock::buildFilled(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                        Type element, double value) {
  return buildFilled(b, loc, shape,
                     buildScalarConstant(b, loc, element, value));
}

Value pock::buildGeneric(OpBuilder &b, Location loc, const Loops &loops,
                         ValueRange inputs, Value init,
                         ArrayRef<AffineMap> maps, GenericBody body) {
  auto generic = linalg::GenericOp::create(
      b, loc, init.getType(), inputs, init, maps, loops.getIterators(),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        linalg::YieldOp::create(b, loc, body(b, loc, args));
      });
  return generic.getResult(0);
}

Value MultiplyAdd::operator()(OpBuilder &b, Location loc,
                              ValueRange args) const {
  Value lhs = args[0], rhs = args[1], sum = args[2];
  Type type = sum.getType();
  if (isa<FloatType>(type)) {
    Value product = arith::MulFOp::create(b, loc, lhs, rhs);
    return arith::AddFOp::create(b, loc, sum, product);
  }
  auto factor = [&](Value value, int64_t zero) -> Value {
    if (value.getType() != type)
      value = arith::ExtSIOp::create(b, loc, type, value);
    return zero == 0 ? value
                     : arith::SubIOp::create(
                           b, loc, value,
                           buildScalarConstant(b, loc, type,
                                               static_cast<double>(zero)));
  };
  lhs = factor(lhs, lhsZero);
  rhs = factor(rhs, rhsZero);
  Value product = arith::MulIOp::create(b, loc, lhs, rhs);
  return arith::AddIOp::create(b, loc, sum, product);
}

Value pock::buildReshape(OpBuilder &b, Location loc, Value value,
                         ArrayRef<int64_t> shape) {
  auto from = cast<RankedTensorType>(value.getType());
  auto to = RankedTensorType::get(shape, from.getElementType());
  if (from == to)
    return value;
  bool collapses = from.getRank() > to.getRank();
  if (from.getRank() != to.getRank())
    if (auto groups = getReassociationIndicesForReshape(from, to)) {
      if (collapses)
        return tensor::CollapseShapeOp::create(b, loc, to, value, *groups);
      return tensor::ExpandShapeOp::create(b, loc, to, value, *groups);
    }
  // Through two dimensions, of which the last is that of channels: what fuses
  // with other values on channels stays together.
  int64_t channels = from.getRank() > 2 && to.getRank() > 2 &&
                             from.getShape().back() == shape.back()
                         ? shape.back()
                         : 1;
  if (channels > 1) {
    SmallVector<int64_t> rows{from.getNumElements() / channels, channels};
    return buildReshape(b, loc, buildReshape(b, loc, value, rows), shape);
  }
  // Through one dimension.
  int64_t size = from.getNumElements();
  auto all = [](int64_t rank) {
    return SmallVector<ReassociationIndices>{
        llvm::to_vector<2>(llvm::seq<int64_t>(0, rank))};
  };
  auto flatType = RankedTensorType::get({size}, from.getElementType());
  if (from.getRank() != 1)
    value =
        from.getRank() == 0
            ? Value(tensor::ExpandShapeOp::create(
                  b, loc, flatType, value, ArrayRef<ReassociationIndices>{}))
            : Value(tensor::CollapseShapeOp::create(b, loc, flatType, value,
                                                    all(from.getRank())));
  if (to.getRank() == 1)
    return value;
  return tensor::ExpandShapeOp::create(b, loc, to, value, all(to.getRank()));
}

Value pock::buildTranspose(OpBuilder &b, Location loc, Value value,
                           ArrayRef<int64_t> permutation) {
  if (isIdentityPermutation(permutation))
    return value; // folds anyway, and then nothing is written
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation)
    shape.push_back(getShape(value)[dim]);
  Value empty = buildEmpty(b, loc, shape, getElement(value));
  return linalg::TransposeOp::create(b, loc, value, empty, permutation)
      ->getResult(0);
}

Value pock::buildSlice(OpBuilder &b, Location loc, Value value,
                       ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                       ArrayRef<int64_t> strides) {
  return tensor::ExtractSliceOp::create(
      b, loc, value, getAsIndexOpFoldResult(b.getContext(), offsets),
      getAsIndexOpFoldResult(b.getContext(), sizes),
      getAsIndexOpFoldResult(b.getContext(), strides));
}

Value pock::buildInsert(OpBuilder &b, Location loc, Value source, Value dest,
                        ArrayRef<int64_t> offsets, ArrayRef<int64_t> strides) {
  return tensor::InsertSliceOp::create(
      b, loc, source, dest, getAsIndexOpFoldResult(b.getContext(), offsets),
      getAsIndexOpFoldResult(b.getContext(), getShape(source)),
      getAsIndexOpFoldResult(b.getContext(), strides));
}

/// A tensor of `shape` with `number` around the box at `offset` of sizes `box`;
/// the box is undefined.
static Value buildBorder(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                         Type element, ArrayRef<int64_t> offset,
                         ArrayRef<int64_t> box, double number) {
  Value dest = buildEmpty(b, loc, shape, element);
  Value padding = buildScalarConstant(b, loc, element, number);
  SmallVector<int64_t> ones(shape.size(), 1), from(shape.size(), 0), to(shape);
  // For each dimension, fill the entries before and after the box; the rest is
  // beside the box in later dimensions.
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    auto fill = [&](int64_t begin, int64_t end) {
      if (begin == end)
        return;
      SmallVector<int64_t> at(from), sizes;
      at[dim] = begin;
      for (size_t i = 0; i < shape.size(); ++i)
        sizes.push_back((i == dim ? end : to[i]) - at[i]);
      Value strip = buildSlice(b, loc, dest, at, sizes, ones);
      strip = linalg::FillOp::create(b, loc, padding, strip).getResult(0);
      dest = buildInsert(b, loc, strip, dest, at, ones);
    };
    fill(0, offset[dim]);
    fill(offset[dim] + box[dim], shape[dim]);
    from[dim] = offset[dim];
    to[dim] = offset[dim] + box[dim];
  }
  return dest;
}

Value pock::buildPadded(OpBuilder &b, Location loc, Value value,
                        ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                        ArrayRef<int64_t> interior, double padding) {
  SmallVector<int64_t> from(getShape(value)), ones(from.size(), 1);
  SmallVector<int64_t> shape, cropOffset, cropSize, offset, stride;
  for (auto [size, l, h, inner] : llvm::zip_equal(from, low, high, interior)) {
    int64_t step = inner + 1;
    int64_t padded = size == 0 ? l + h : (size - 1) * step + 1 + l + h;
    // Entry `i` moves to `l + i * step`; entries outside of the result are
    // dropped.
    int64_t first = l < 0 ? llvm::divideCeil(-l, step) : 0;
    int64_t last = padded - 1 < l ? -1 : (padded - 1 - l) / step;
    last = std::min(last, size - 1);
    if (last < first || padded <= 0)
      return {};
    shape.push_back(padded);
    cropOffset.push_back(first);
    cropSize.push_back(last - first + 1);
    offset.push_back(l + first * step);
    stride.push_back(step);
  }
  if (cropSize != from)
    value = buildSlice(b, loc, value, cropOffset, cropSize, ones);
  if (shape == cropSize)
    return value;
  bool spread = llvm::any_of(interior, [](int64_t i) { return i > 0; });
  Value dest = spread ? buildFilled(b, loc, shape, getElement(value), padding)
                      : buildBorder(b, loc, shape, getElement(value), offset,
                                    cropSize, padding);
  return buildInsert(b, loc, value, dest, offset, stride);
}

Value Part::extract(OpBuilder &b, Location loc, Value from) const {
  // A part with as many entries is the whole tensor.
  auto type = RankedTensorType::get(shape, getElement(from));
  if (type.getNumElements() == llvm::product_of(getShape(from)))
    return buildReshape(b, loc, from, shape);
  return tensor::ExtractSliceOp::create(b, loc, type, from, offsets, sizes,
                                        strides);
}

Value Part::insert(OpBuilder &b, Location loc, Value part, Value into) const {
  if (llvm::product_of(getShape(part)) == llvm::product_of(getShape(into)))
    return buildReshape(b, loc, part, getShape(into));
  return tensor::InsertSliceOp::create(b, loc, part, into, offsets, sizes,
                                       strides);
}

Value pock::buildSliceAt(OpBuilder &b, Location loc, Value value, int64_t dim,
                         Value at) {
  return Part(b, getShape(value))
      .restrict(b, dim, at, 1)
      .extract(b, loc, value);
}

Value pock::buildInsertAt(OpBuilder &b, Location loc, Value slice, Value dest,
                          int64_t dim, Value at) {
  return Part(b, getShape(dest))
      .restrict(b, dim, at, 1)
      .insert(b, loc, slice, dest);
}

SmallVector<Value> pock::buildLoop(OpBuilder &b, Location loc, int64_t count,
                                   ValueRange init, LoopBody body) {
  auto bound = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  // A body that writes its whole result does not read the previous one, but
  // bufferization requires a loop to yield its argument.
  if (count == 1)
    return body(b, bound(0), init);
  Value zero = bound(0), end = bound(count), one = bound(1);
  auto loop = scf::ForOp::create(
      b, loc, zero, end, one, init,
      [&](OpBuilder &b, Location loc, Value i, ValueRange values) {
        scf::YieldOp::create(b, loc, body(b, i, values));
      });
  return SmallVector<Value>(loop.getResults());
}
