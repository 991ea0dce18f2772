//===- PoolingDecompose.cpp - average pooling -----------------------------===//

#include "Pock/IR/Expr.h"

using namespace mlir;
using namespace mlir::pock;

/// A constant of `shape` with the element type of `like`.
static Expr constantTensor(OpBuilder &builder, const Expr &like,
                           ArrayRef<int64_t> shape, ArrayRef<double> values) {
  Type element = like.type().getElementType();
  SmallVector<Attribute> attributes;
  for (double value : values)
    attributes.push_back(builder.getFloatAttr(element, value));
  auto type = RankedTensorType::get(shape, element);
  return like.make<ConstantOp>(
      ElementsAttr(DenseElementsAttr::get(type, attributes)));
}

//===----------------------------------------------------------------------===//
// Average pooling
//===----------------------------------------------------------------------===//

/// The number of entries that count in each window along spatial dimension
/// `spatial`.
static SmallVector<int64_t> countedEntries(AvgPoolOp op, unsigned spatial) {
  int64_t dim = firstSpatialDim(op.getLayout()) + spatial;
  int64_t size = shapeOf(op.getInput())[dim];
  int64_t outputs = shapeOf(op.getResult())[dim];
  // The padding that counts is the low one, on both sides; further padding on
  // the high side only makes the last window fit.
  int64_t padding = op.getCountIncludePad() ? op.getPadLow()[spatial] : 0;
  SmallVector<int64_t> counts;
  for (int64_t i = 0; i < outputs; ++i) {
    int64_t begin = i * op.getStrides()[spatial] - op.getPadLow()[spatial];
    int64_t end = begin + op.getKernel()[spatial];
    counts.push_back(std::min(end, size + padding) - std::max(begin, -padding));
  }
  return counts;
}

/// The divisor of each window: a scalar if all are equal, else a tensor of the
/// rank of the input with size 1 in batch and channels.
static Expr divisors(AvgPoolOp op, OpBuilder &builder, const Expr &like) {
  if (auto divisor = op.getDivisor())
    return like.constant(double(int64_t(*divisor)));
  SmallVector<int64_t> shape(like.rank(), 1);
  SmallVector<double> values{1.0};
  for (unsigned spatial = 0; spatial < op.getKernel().size(); ++spatial) {
    SmallVector<double> products;
    SmallVector<int64_t> counts = countedEntries(op, spatial);
    for (double value : values)
      for (int64_t count : counts)
        products.push_back(value * count);
    shape[firstSpatialDim(op.getLayout()) + spatial] = counts.size();
    values = std::move(products);
  }
  if (llvm::all_equal(values))
    return like.constant(values.front());
  return constantTensor(builder, like, shape, values);
}

/// The sums of the windows; a reduction if there is one window that covers `x`.
static Expr sumWindows(AvgPoolOp op, const Expr &x) {
  size_t rank = op.getKernel().size();
  int64_t first = firstSpatialDim(op.getLayout());
  auto dims = llvm::to_vector(llvm::seq<int64_t>(first, first + rank));
  bool isWhole = llvm::all_of(llvm::zip(op.getPadLow(), op.getPadHigh()),
                              [](auto pads) {
                                auto [low, high] = pads;
                                return low == 0 && high == 0;
                              }) &&
                 shapeOf(x).slice(first, rank) == op.getKernel();
  if (isWhole)
    return x.sum(dims, /*keepdim=*/true);
  SmallVector<int64_t> dilations(rank, 1);
  return x.make<SumPoolOp>(Value(x), op.getKernel(), op.getStrides(),
                           op.getPadLow(), op.getPadHigh(), dilations,
                           op.getLayout());
}

// sum_pool(x) / divisor.
FailureOr<SmallVector<Value>> AvgPoolOp::decompose(OpBuilder &builder) {
  Expr x(builder, getLoc(), getInput());
  return SmallVector<Value>{sumWindows(*this, x) / divisors(*this, builder, x)};
}

//===----------------------------------------------------------------------===//
// Adaptive average pooling
//===----------------------------------------------------------------------===//

/// The matrix `[in, out]` whose column `i` averages window `i`.
static Expr averagingMatrix(OpBuilder &builder, const Expr &like, int64_t in,
                            int64_t out) {
  SmallVector<double> values(in * out, 0.0);
  for (int64_t i = 0; i < out; ++i) {
    int64_t begin = i * in / out, end = ((i + 1) * in + out - 1) / out;
    for (int64_t j = begin; j < end; ++j)
      values[j * out + i] = 1.0 / double(end - begin);
  }
  return constantTensor(builder, like, {in, out}, values);
}

/// `x` averaged along dimension `dim` to size `out`: a product with the
/// averaging matrix after `dim` was made the last dimension.
static Expr averageAlong(OpBuilder &builder, const Expr &x, int64_t dim,
                         int64_t out) {
  SmallVector<int64_t> swap = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  std::swap(swap[dim], swap.back());
  Expr moved = x.transpose(swap);
  SmallVector<int64_t> shape(shapeOf(moved));
  int64_t in = shape.back();
  Expr rows = moved.reshape({moved.type().getNumElements() / in, in});
  Expr matrix = averagingMatrix(builder, x, in, out);
  Expr product = x.make<MatmulOp>(Value(rows), Value(matrix));
  shape.back() = out;
  return product.reshape(shape).transpose(swap);
}

/// With the same number of entries in every window: mean or avg_pool.
static Expr averageEvenly(AdaptiveAvgPoolOp op, const Expr &x,
                          ArrayRef<int64_t> dims) {
  auto resultShape = shapeOf(op.getResult());
  if (llvm::all_of(dims, [&](int64_t dim) { return resultShape[dim] == 1; }))
    return x.mean(dims, /*keepdim=*/true);
  SmallVector<int64_t> kernel, padding(dims.size(), 0);
  for (int64_t dim : dims)
    kernel.push_back(shapeOf(x)[dim] / resultShape[dim]);
  return x.make<AvgPoolOp>(Value(x), kernel, /*strides=*/kernel, padding,
                           padding, /*count_include_pad=*/true,
                           /*divisor=*/IntegerAttr(), op.getLayout());
}

FailureOr<SmallVector<Value>> AdaptiveAvgPoolOp::decompose(OpBuilder &builder) {
  Expr x(builder, getLoc(), getInput());
  auto resultShape = shapeOf(getResult());
  int64_t first = firstSpatialDim(getLayout());
  auto dims = llvm::to_vector(llvm::seq<int64_t>(first, first + x.rank() - 2));
  auto divides = [&](int64_t dim) {
    return shapeOf(x)[dim] % resultShape[dim] == 0;
  };
  if (llvm::all_of(dims, divides))
    return SmallVector<Value>{averageEvenly(*this, x, dims)};
  for (int64_t dim : dims)
    if (shapeOf(x)[dim] != resultShape[dim])
      x = averageAlong(builder, x, dim, resultShape[dim]);
  return SmallVector<Value>{x};
}
