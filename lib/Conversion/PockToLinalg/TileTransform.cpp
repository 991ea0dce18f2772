//===- TileTransform.cpp - transforms of tiles by small matrices ----------===//
//
// Both dimensions of a tile are transformed together, point by point. Every
// entry is an operand: the same tensor with another map. Every transformed
// entry is a result: a slice of one tensor.
//
//===----------------------------------------------------------------------===//

#include "TileTransform.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

// Interpolation at 0, 1, -1 and infinity.
static const double inputOf4[] = {1, 0,  -1, 0, //
                                  0, 1,  1,  0, //
                                  0, -1, 1,  0, //
                                  0, 1,  0,  -1};
static const double filterOf3[] = {1,   0,    0,   //
                                   0.5, 0.5,  0.5, //
                                   0.5, -0.5, 0.5, //
                                   0,   0,    1};
static const double outputOf2[] = {1, 1, 1,  0, //
                                   0, 1, -1, -1};
static const double filterOf2[] = {1,   0,    //
                                   0.5, 0.5,  //
                                   0.5, -0.5, //
                                   0,   1};
static const double outputOf3[] = {1, 1, 1,  0, //
                                   0, 1, -1, 0, //
                                   0, 1, 1,  -1};

const MinimalAlgorithm pock::forwardAlgorithm{
    2, 3, {4, 4, inputOf4}, {4, 3, filterOf3}, {2, 4, outputOf2}};
const MinimalAlgorithm pock::gradientAlgorithm{
    3, 2, {4, 4, inputOf4}, {4, 2, filterOf2}, {3, 4, outputOf3}};

/// `init + factor * value`, without `init` if it is null.
static Value buildTerm(OpBuilder &b, Location loc, Value init, double factor,
                       Value value) {
  if (std::abs(factor) != 1.0)
    value = arith::MulFOp::create(
        b, loc, value,
        buildScalarConstant(b, loc, value.getType(), std::abs(factor)));
  if (!init)
    return factor < 0 ? arith::NegFOp::create(b, loc, value) : value;
  return factor < 0 ? Value(arith::SubFOp::create(b, loc, init, value))
                    : Value(arith::AddFOp::create(b, loc, init, value));
}

/// `matrix * values`, for each of `count` columns of `values`, row by row.
static SmallVector<Value> buildProduct(OpBuilder &b, Location loc,
                                       const Matrix &matrix,
                                       ArrayRef<Value> values, int64_t count) {
  SmallVector<Value> result;
  for (int64_t row = 0; row < matrix.rows; ++row) {
    // Positive terms first, so that there is nothing to negate.
    SmallVector<int64_t> terms;
    for (int64_t k = 0; k < matrix.columns; ++k)
      if (matrix.at(row, k) != 0)
        terms.push_back(k);
    llvm::stable_sort(terms, [&](int64_t a, int64_t c) {
      return matrix.at(row, a) > 0 && matrix.at(row, c) < 0;
    });
    for (int64_t column = 0; column < count; ++column) {
      Value sum;
      for (int64_t k : terms)
        sum = buildTerm(b, loc, sum, matrix.at(row, k),
                        values[k * count + column]);
      result.push_back(sum);
    }
  }
  return result;
}

/// `matrix * values * matrix^T`, everything row by row.
static SmallVector<Value> buildSandwich(OpBuilder &b, Location loc,
                                        const Matrix &matrix,
                                        ArrayRef<Value> values) {
  auto transpose = [](ArrayRef<Value> values, int64_t rows, int64_t columns) {
    SmallVector<Value> result;
    for (int64_t column = 0; column < columns; ++column)
      for (int64_t row = 0; row < rows; ++row)
        result.push_back(values[row * columns + column]);
    return result;
  };
  SmallVector<Value> half =
      buildProduct(b, loc, matrix, values, matrix.columns);
  half = transpose(half, matrix.rows, matrix.columns);
  return transpose(buildProduct(b, loc, matrix, half, matrix.rows), matrix.rows,
                   matrix.rows);
}

Value pock::buildTransform(OpBuilder &b, Location loc, const Matrix &matrix,
                           Value from, EntryMap entry, Value into,
                           std::pair<int64_t, int64_t> dims) {
  Loops loops(b.getContext());
  SmallVector<AffineExpr> point = loops.parallel(getShape(into).size() - 2);
  SmallVector<AffineMap> maps;
  for (int64_t i = 0; i < matrix.columns; ++i)
    for (int64_t j = 0; j < matrix.columns; ++j)
      maps.push_back(entry(loops, point, i, j));
  SmallVector<Value> inputs(maps.size(), from), inits;
  SmallVector<Type> types;
  SmallVector<Part> parts;
  for (int64_t i = 0; i < matrix.rows; ++i)
    for (int64_t j = 0; j < matrix.rows; ++j) {
      parts.push_back(Part(b, getShape(into))
                          .select(b, dims.second, b.getIndexAttr(j))
                          .select(b, dims.first, b.getIndexAttr(i)));
      inits.push_back(parts.back().extract(b, loc, into));
      types.push_back(inits.back().getType());
      maps.push_back(loops.map(point));
    }
  auto op = linalg::GenericOp::create(
      b, loc, types, inputs, inits, maps, loops.getIterators(),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        SmallVector<Value> values(args.take_front(inputs.size()));
        linalg::YieldOp::create(b, loc, buildSandwich(b, loc, matrix, values));
      });
  for (auto [part, value] : llvm::zip_equal(parts, op.getResults()))
    into = part.insert(b, loc, value, into);
  return into;
}

Value pock::transformTiles(OpBuilder &b, Location loc, const Matrix &matrix,
                           int64_t step, Value from, Value into) {
  return buildTransform(
      b, loc, matrix, from,
      [&](Loops &loops, ArrayRef<AffineExpr> p, int64_t i, int64_t j) {
        return loops.map({p[0], p[1] * step + i, p[2] * step + j, p[3]});
      },
      into, {0, 1});
}

AffineMap pock::mapOfStack(Loops &loops, ArrayRef<AffineExpr> point, int64_t i,
                           int64_t j) {
  MLIRContext *context = point.front().getContext();
  SmallVector<AffineExpr> results{getAffineConstantExpr(i, context),
                                  getAffineConstantExpr(j, context)};
  llvm::append_range(results, point);
  return loops.map(results);
}
