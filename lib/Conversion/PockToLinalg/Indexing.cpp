//===- Indexing.cpp - lowering of take, scatter_add and cumsum ------------===//
//
// A loop over the indices, or along the dimension, around elementwise work on
// one slice `[before, 1, after]` at a time. The position of the slice depends
// on data, or its value on the previous slice, which linalg ops cannot express.
// Indices are processed in order, so that sums have one order on every target.
// Where each thread computes one point, points are gathered without a loop.
//===----------------------------------------------------------------------===//

#include "LinalgBuilders.h"
#include "Pock/IR/Pock.h"
#include "Pock/Target/TargetBackend.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
/// A tensor viewed as `[before, size, after]` around one of its dimensions.
struct Slab {
  int64_t before, size, after;

  static Slab get(ArrayRef<int64_t> shape, int64_t first, int64_t count) {
    auto product = [](ArrayRef<int64_t> sizes) {
      return llvm::product_of(sizes);
    };
    return {product(shape.take_front(first)),
            product(shape.slice(first, count)),
            product(shape.drop_front(first + count))};
  }
  Value view(OpBuilder &b, Location loc, Value value) const {
    return buildReshape(b, loc, value, {before, size, after});
  }
};
} // namespace

/// `sum + slice`, computed over `sum`.
static Value addTo(OpBuilder &b, Location loc, Value sum, Value slice) {
  Loops loops(b.getContext());
  AffineMap map = loops.map(loops.parallel(getShape(sum).size()));
  return buildGeneric(b, loc, loops, slice, sum, {map, map},
                      [](OpBuilder &b, Location loc, ValueRange args) -> Value {
                        if (isa<FloatType>(args[0].getType()))
                          return arith::AddFOp::create(b, loc, args[1],
                                                       args[0]);
                        return arith::AddIOp::create(b, loc, args[1], args[0]);
                      });
}

/// `raw` clamped to 0 to `size - 1`: an index out of range must not access
/// other memory.
static Value clampIndex(OpBuilder &b, Location loc, Value raw, int64_t size) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc,
                                     b.getIntegerAttr(raw.getType(), value));
  };
  Value atLeast = arith::MaxSIOp::create(b, loc, raw, constant(0));
  Value inRange = arith::MinSIOp::create(b, loc, atLeast, constant(size - 1));
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), inRange);
}

/// Entry `i` of the flat `indices`, clamped.
static Value readIndex(OpBuilder &b, Location loc, Value indices, Value i,
                       int64_t size) {
  return clampIndex(b, loc, tensor::ExtractOp::create(b, loc, indices, i),
                    size);
}

/// Slices of `input` at the clamped `indices`; every point reads its own entry.
static Value gatherPoints(OpBuilder &b, Location loc, Value input,
                          Value indices, Value init, int64_t size) {
  Loops loops(b.getContext());
  SmallVector<AffineExpr> points = loops.parallel(3);
  return buildGeneric(
      b, loc, loops, indices, init, {loops.map(points[1]), loops.map(points)},
      [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
        SmallVector<Value> at;
        for (int64_t dim = 0; dim < 3; ++dim)
          at.push_back(dim == 1
                           ? clampIndex(b, loc, args[0], size)
                           : linalg::IndexOp::create(b, loc, dim).getResult());
        return tensor::ExtractOp::create(b, loc, input, at);
      });
}

/// The indices of `op` as a vector.
template <typename Op>
static Value flatIndices(OpBuilder &b, Op op) {
  return buildReshape(b, op.getLoc(), op.getIndices(),
                      {op.getIndices().getType().getNumElements()});
}

namespace {
struct LowerTake : OpRewritePattern<TakeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TakeOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ArrayRef<int64_t> shape = op.getType().getShape();
    Slab from = Slab::get(getShape(op.getInput()), op.getDim(), 1);
    Slab to =
        Slab::get(shape, op.getDim(), op.getIndices().getType().getRank());
    Value input = from.view(rewriter, loc, op.getInput());
    Value indices = flatIndices(rewriter, op);
    Value init = buildEmpty(rewriter, loc, {to.before, to.size, to.after},
                            getElement(input));
    if (limitsAt(op).threadPerPoint) {
      Value gathered =
          gatherPoints(rewriter, loc, input, indices, init, from.size);
      rewriter.replaceOp(op, buildReshape(rewriter, loc, gathered, shape));
      return success();
    }
    SmallVector<Value> results = buildLoop(
        rewriter, loc, to.size, init,
        [&](OpBuilder &b, Value i, ValueRange values) -> SmallVector<Value> {
          Value at = readIndex(b, loc, indices, i, from.size);
          Value slice = buildSliceAt(b, loc, input, 1, at);
          return {buildInsertAt(b, loc, slice, values[0], 1, i)};
        });
    rewriter.replaceOp(op, buildReshape(rewriter, loc, results[0], shape));
    return success();
  }
};

struct LowerScatterAdd : OpRewritePattern<ScatterAddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScatterAddOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ArrayRef<int64_t> shape = op.getType().getShape();
    Slab to = Slab::get(shape, op.getDim(), 1);
    Slab from = Slab::get(op.getUpdates().getType().getShape(), op.getDim(),
                          op.getIndices().getType().getRank());
    // Use a fill instead of a constant: its memory may be written.
    Value dest = op.getDest();
    SplatElementsAttr splat;
    if (matchPattern(dest, m_Constant(&splat)))
      dest =
          buildFilled(rewriter, loc, shape,
                      arith::ConstantOp::create(
                          rewriter, loc,
                          cast<TypedAttr>(splat.getSplatValue<Attribute>())));
    Value init = to.view(rewriter, loc, dest);
    Value updates = from.view(rewriter, loc, op.getUpdates());
    Value indices = flatIndices(rewriter, op);
    SmallVector<Value> results = buildLoop(
        rewriter, loc, from.size, init,
        [&](OpBuilder &b, Value i, ValueRange values) -> SmallVector<Value> {
          Value at = readIndex(b, loc, indices, i, to.size);
          Value old = buildSliceAt(b, loc, values[0], 1, at);
          Value update = buildSliceAt(b, loc, updates, 1, i);
          Value sum = addTo(b, loc, old, update);
          return {buildInsertAt(b, loc, sum, values[0], 1, at)};
        });
    rewriter.replaceOp(op, buildReshape(rewriter, loc, results[0], shape));
    return success();
  }
};

struct LowerCumsum : OpRewritePattern<CumsumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CumsumOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ArrayRef<int64_t> shape = op.getType().getShape();
    Type element = op.getType().getElementType();
    Slab slab = Slab::get(shape, op.getDim(), 1);
    Value input = slab.view(rewriter, loc, op.getInput());
    Value init = buildEmpty(rewriter, loc, {slab.before, slab.size, slab.after},
                            element);
    Value zero =
        buildFilled(rewriter, loc, {slab.before, 1, slab.after}, element, 0.0);
    SmallVector<Value> results = buildLoop(
        rewriter, loc, slab.size, {init, zero},
        [&](OpBuilder &b, Value i, ValueRange values) -> SmallVector<Value> {
          Value at = i;
          if (op.getReverse())
            at = arith::SubIOp::create(
                b, loc, arith::ConstantIndexOp::create(b, loc, slab.size - 1),
                i);
          Value entry = buildSliceAt(b, loc, input, 1, at);
          Value sum = addTo(b, loc, values[1], entry);
          return {buildInsertAt(b, loc, sum, values[0], 1, at), sum};
        });
    rewriter.replaceOp(op, buildReshape(rewriter, loc, results[0], shape));
    return success();
  }
};
} // namespace

void pock::populateIndexingPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerTake, LowerScatterAdd, LowerCumsum>(patterns.getContext());
}
