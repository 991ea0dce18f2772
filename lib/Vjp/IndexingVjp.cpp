//===- IndexingVjp.cpp - gradients of indexing and running sums -----------===//

#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// take(x, i): dx = g added at i, zero elsewhere.
POCK_VJP(TakeOp) {
  if (!needed[0])
    return success();
  RankedTensorType type = getInput().getType();
  Value zeros = splatConstant(builder, getLoc(), type, 0.0);
  grads[0] = ScatterAddOp::create(builder, getLoc(), type, zeros, getIndices(),
                                  cotangents[0], getDim());
  return success();
}

// scatter_add(d, i, u): dd = g, du = g at i.
POCK_VJP(ScatterAddOp) {
  if (needed[0])
    grads[0] = cotangents[0];
  if (needed[2])
    grads[2] = TakeOp::create(builder, getLoc(), cotangents[0], getIndices(),
                              getDim());
  return success();
}

// Every entry is part of all sums from it on: dx is the running sum of g from
// the other end.
POCK_UNARY_VJP(CumsumOp,
               g.make<CumsumOp>(g.type(), Value(g), getDim(), !getReverse()))
