//===- LinalgBuilders.h - small builders over linalg and tensor -*- C++ -*-===//
//
// Shared by the patterns of `convert-pock-to-linalg`.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_CONVERSION_LINALGBUILDERS_H
#define POCK_CONVERSION_LINALGBUILDERS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::pock {

/// The patterns of one family of ops each.
void populateContractionPatterns(RewritePatternSet &patterns);
void populateConvGradientPatterns(RewritePatternSet &patterns);
void populateElementwisePatterns(RewritePatternSet &patterns);
void populateIndexingPatterns(RewritePatternSet &patterns);
void populatePoolingPatterns(RewritePatternSet &patterns);
void populateReductionPatterns(RewritePatternSet &patterns);
void populateShapePatterns(RewritePatternSet &patterns);

/// Turns attention into a loop around itself on matrices; runs before
/// decomposition.
void populateAttentionPatterns(RewritePatternSet &patterns);

/// The loops of a linalg.generic; they are added from the outermost to the
/// innermost.
class Loops {
public:
  explicit Loops(MLIRContext *context) : context(context) {}

  AffineExpr parallel() { return add(utils::IteratorType::parallel); }
  AffineExpr reduction() { return add(utils::IteratorType::reduction); }
  SmallVector<AffineExpr> parallel(int64_t count);
  SmallVector<AffineExpr> reduction(int64_t count);

  /// The indexing map with these results; call it when all loops exist.
  AffineMap map(ArrayRef<AffineExpr> results) const {
    return AffineMap::get(iterators.size(), 0, results, context);
  }
  ArrayRef<utils::IteratorType> getIterators() const { return iterators; }

private:
  AffineExpr add(utils::IteratorType iterator);

  MLIRContext *context;
  SmallVector<utils::IteratorType> iterators;
};

/// A number of type `type`; for integers `value` is truncated.
Value buildScalarConstant(OpBuilder &b, Location loc, Type type, double value);

/// A tensor with undefined entries.
Value buildEmpty(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                 Type element);

/// A tensor with all entries equal to `value`.
Value buildFilled(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                  Type element, double value);
Value buildFilled(OpBuilder &b, Location loc, ArrayRef<int64_t> shape,
                  Value value);

/// Builds the body of a generic: gets the inputs' and then the init's element.
using GenericBody = function_ref<Value(OpBuilder &, Location, ValueRange)>;

/// A linalg.generic with one result. `maps` are those of the inputs and then
/// that of `init`.
Value buildGeneric(OpBuilder &b, Location loc, const Loops &loops,
                   ValueRange inputs, Value init, ArrayRef<AffineMap> maps,
                   GenericBody body);

/// The body `init + lhs * rhs`. Integers are widened to the type of the sum,
/// and their zero points subtracted.
struct MultiplyAdd {
  int64_t lhsZero = 0, rhsZero = 0;
  Value operator()(OpBuilder &b, Location loc, ValueRange args) const;
};

/// The same elements in row-major order with another shape.
Value buildReshape(OpBuilder &b, Location loc, Value value,
                   ArrayRef<int64_t> shape);

/// Dimension `i` of the result is dimension `permutation[i]` of `value`;
/// `value` itself if nothing moves.
Value buildTranspose(OpBuilder &b, Location loc, Value value,
                     ArrayRef<int64_t> permutation);

/// Entries `offsets + i * strides` of `value`, `sizes` many.
Value buildSlice(OpBuilder &b, Location loc, Value value,
                 ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                 ArrayRef<int64_t> strides);

/// `dest` with those entries replaced by `source`.
Value buildInsert(OpBuilder &b, Location loc, Value source, Value dest,
                  ArrayRef<int64_t> offsets, ArrayRef<int64_t> strides);

/// A part of a tensor: everything of some dimensions, a range of others.
struct Part {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  SmallVector<int64_t> shape;

  Part(OpBuilder &b, ArrayRef<int64_t> full)
      : offsets(full.size(), b.getIndexAttr(0)),
        strides(full.size(), b.getIndexAttr(1)), shape(full) {
    for (int64_t size : full)
      sizes.push_back(b.getIndexAttr(size));
  }

  Part &restrict(OpBuilder &b, int64_t dim, OpFoldResult offset, int64_t size) {
    offsets[dim] = offset;
    sizes[dim] = b.getIndexAttr(size);
    shape[dim] = size;
    return *this;
  }
  /// One entry of dimension `dim`, which goes away: last dimensions first.
  Part &select(OpBuilder &b, int64_t dim, OpFoldResult at) {
    restrict(b, dim, at, 1);
    shape.erase(shape.begin() + dim);
    return *this;
  }

  Value extract(OpBuilder &b, Location loc, Value from) const;
  Value insert(OpBuilder &b, Location loc, Value part, Value into) const;
};

/// Entry `at` of `value` along `dim`, which becomes size one.
Value buildSliceAt(OpBuilder &b, Location loc, Value value, int64_t dim,
                   Value at);

/// `dest` with entry `at` along `dim` replaced by `slice`.
Value buildInsertAt(OpBuilder &b, Location loc, Value slice, Value dest,
                    int64_t dim, Value at);

/// Builds the body of a loop: gets the index and the values of this iteration
/// and returns those of the next.
using LoopBody =
    function_ref<SmallVector<Value>(OpBuilder &, Value, ValueRange)>;

/// The results of a loop of `count` iterations from `init`; a single one stands
/// without a loop.
SmallVector<Value> buildLoop(OpBuilder &b, Location loc, int64_t count,
                             ValueRange init, LoopBody body);

/// `value` with `low` and `high` entries of `padding` around it and `interior`
/// ones between neighbours. Negative `low` and `high` crop. `value` itself
/// if there is nothing to do, null if nothing of `value` remains.
Value buildPadded(OpBuilder &b, Location loc, Value value,
                  ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                  ArrayRef<int64_t> interior, double padding);

/// The shape and the element type of a tensor.
ArrayRef<int64_t> getShape(Value value);
Type getElement(Value value);

} // namespace mlir::pock

#endif // POCK_CONVERSION_LINALGBUILDERS_H
