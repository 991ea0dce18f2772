//===- ToySemantics.cpp - what toy ops compute ----------------------------===//

#include "Toy.h"

#include "Pock/IR/Expr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::pock;
using namespace mlir::pock::toy;

SmallVector<Value> MishOp::buildScalar(OpBuilder &b, Location loc,
                                       ValueRange args) {
  Value exponential = math::ExpOp::create(b, loc, args[0]);
  Value softplus = math::Log1pOp::create(b, loc, exponential);
  Value gate = math::TanhOp::create(b, loc, softplus);
  return {arith::MulFOp::create(b, loc, args[0], gate)};
}

bool CumprodOp::decomposesBeforeAutodiff() { return false; }

// Entry by entry: y[0] = x[0], y[i] = y[i - 1] * x[i].
FailureOr<SmallVector<Value>> CumprodOp::decompose(OpBuilder &builder) {
  Expr x(builder, getLoc(), getInput());
  SmallVector<int64_t> strides(x.rank(), 1), starts(x.rank(), 0);
  SmallVector<int64_t> limits(x.type().getShape());
  SmallVector<Value> products;
  for (int64_t i = 0; i < x.type().getDimSize(getDim()); ++i) {
    starts[getDim()] = i;
    limits[getDim()] = i + 1;
    Expr entry = x.make<SliceOp>(Value(x), starts, limits, strides);
    products.push_back(i == 0 ? entry : x.at(products.back()) * entry);
  }
  return SmallVector<Value>{x.make<ConcatOp>(products, getDim())};
}

bool RmsNormalizeOp::decomposesBeforeAutodiff() { return false; }

FailureOr<SmallVector<Value>> RmsNormalizeOp::decompose(OpBuilder &builder) {
  Expr x(builder, getLoc(), getInput());
  int64_t dim = getDim();
  Expr square = (x * x).mean(dim, /*keepdim=*/true);
  return SmallVector<Value>{
      x * apply<RsqrtOp>(square + getEps().convertToDouble())};
}
