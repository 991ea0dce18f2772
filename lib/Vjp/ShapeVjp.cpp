//===- ShapeVjp.cpp - gradients of data movement --------------------------===//
//
// All these ops move entries: the gradient moves them back, and adds the
// cotangents of entries that were copied. Nothing is saved.
//
//===----------------------------------------------------------------------===//

#include "VjpRule.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace mlir::pock;

POCK_UNARY_VJP(ReshapeOp, g.reshape(shapeOf(x)))

POCK_UNARY_VJP(TransposeOp,
               g.transpose(invertPermutationVector(getPermutation())))

// Entries that were repeated: the sum over the copies.
POCK_UNARY_VJP(ExpandOp, unbroadcast(getOperation(), /*index=*/0, builder, g))

// Each input gets its part of g.
POCK_VJP(ConcatOp) {
  int64_t dim = getDim();
  Value g = cotangents[0];
  SmallVector<int64_t> starts(shapeOf(g).size(), 0), limits(shapeOf(g));
  SmallVector<int64_t> strides(shapeOf(g).size(), 1);
  limits[dim] = 0;
  for (auto [index, input] : llvm::enumerate(getInputs())) {
    starts[dim] = limits[dim];
    limits[dim] += shapeOf(input)[dim];
    if (needed[index])
      grads[index] =
          SliceOp::create(builder, getLoc(), g, starts, limits, strides);
  }
  return success();
}

// g spread to where its entries were read, zero elsewhere.
POCK_VJP(SliceOp) {
  auto resultShape = shapeOf(getResult());
  if (!needed[0])
    return success();
  if (llvm::is_contained(resultShape, 0)) { // nothing was read
    grads[0] = splatConstant(builder, getLoc(), getInput().getType(), 0.0);
    return success();
  }
  SmallVector<int64_t> low, high, interior;
  for (auto [size, count, start, stride] : llvm::zip_equal(
           shapeOf(getInput()), resultShape, getStarts(), getStrides())) {
    low.push_back(start);
    high.push_back(size - (start + (count - 1) * stride + 1));
    interior.push_back(stride - 1);
  }
  grads[0] = PadOp::create(
      builder, getLoc(), cotangents[0], builder.getDenseI64ArrayAttr(low),
      builder.getDenseI64ArrayAttr(high),
      builder.getDenseI64ArrayAttr(interior), builder.getF64FloatAttr(0.0));
  return success();
}

// The part of g that is not padding.
POCK_VJP(PadOp) {
  auto inputShape = shapeOf(getInput());
  if (!needed[0])
    return success();
  SmallVector<int64_t> limits, strides;
  for (auto [size, low, interior] :
       llvm::zip_equal(inputShape, getLow(), getInterior())) {
    strides.push_back(interior + 1);
    limits.push_back(size == 0 ? low : low + (size - 1) * (interior + 1) + 1);
  }
  grads[0] = SliceOp::create(builder, getLoc(), cotangents[0], getLow(), limits,
                             strides);
  return success();
}
