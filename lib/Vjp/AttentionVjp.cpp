//===- AttentionVjp.cpp - gradient of attention ---------------------------===//

#include "../Decompose/AttentionScores.h"
#include "VjpRule.h"

using namespace mlir;
using namespace mlir::pock;

// pock.attention_grad computes the gradients, unless the mask needs a gradient
// or `lse` has a cotangent. Those cases need the gradient of the scores
// themselves, dS = P (g v^T - rowsum(g o) + h), where h is the cotangent of
// lse.
POCK_VJP(AttentionOp) {
  bool wanted = needed[0] || needed[1] || needed[2];
  bool maskWanted = needed.size() > 3 && needed[3];
  Value g = cotangents[0];
  if (!g)
    g = splatConstant(builder, getLoc(), getOutput().getType(), 0.0);
  if (!maskWanted && !cotangents[1]) {
    if (!wanted)
      return success();
    auto grad = AttentionGradOp::create(
        builder, getLoc(),
        TypeRange{getQuery().getType(), getKey().getType(),
                  getValue().getType()},
        getQuery(), getKey(), getValue(), getOutput(), getLse(), g, getMask(),
        getScaleAttr(), getCausalAttr());
    for (unsigned i = 0; i < 3; ++i)
      if (needed[i])
        grads[i] = grad.getResult(i);
    return success();
  }
  AttentionScores attention(builder, getLoc(), getQuery(), getKey(), getMask(),
                            getScale().convertToDouble(), getCausal());
  AttentionGradients gradients = attention.differentiate(
      getValue(), getOutput(), getLse(), g, cotangents[1]);
  if (needed[0])
    grads[0] = gradients.query(attention);
  if (needed[1])
    grads[1] = gradients.key(attention);
  if (needed[2])
    grads[2] = gradients.value(g);
  if (maskWanted)
    grads[3] = reduceToType(builder, getLoc(), gradients.scores,
                            cast<RankedTensorType>(getMask().getType()));
  return success();
}
