//===- LinearDecompose.cpp - linear as a matrix product -------------------===//

#include "Pock/IR/Expr.h"

using namespace mlir;
using namespace mlir::pock;

// x W^T, where all leading dimensions of x are rows.
FailureOr<SmallVector<Value>> LinearOp::decompose(OpBuilder &builder) {
  Expr input(builder, getLoc(), getInput());
  // The terms of a sum of integers stay contiguous in both operands.
  bool integers = input.type().getElementType().isInteger(8);
  Expr weight = input.at(getWeight());
  if (!integers)
    weight = weight.transpose({1, 0});
  SmallVector<int64_t> shape(shapeOf(getInput()));
  int64_t columns = shape.back(), rows = 1;
  for (int64_t size : ArrayRef(shape).drop_back())
    rows *= size;
  Expr matrix = input.rank() == 2 ? input : input.reshape({rows, columns});
  Expr product =
      input.make<MatmulOp>(Value(matrix), Value(weight),
                           /*transpose_lhs=*/false, /*transpose_rhs=*/integers,
                           getInputZero(), /*rhs_zero=*/0);
  return SmallVector<Value>{product.reshape(shapeOf(getResult()))};
}
