//===- Sgd.cpp - stochastic gradient descent ------------------------------===//
//
// `torch.optim.SGD`: the attribute `#pock.sgd` and the op `pock.sgd_update`.
// The momentum buffer starts at zero. So PyTorch's first step, in which the
// buffer becomes the gradient, is no special case, except that dampening does
// not apply to it.
//
//===----------------------------------------------------------------------===//

#include "UpdateUtils.h"

#include <cmath>

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::pock;

//===----------------------------------------------------------------------===//
// SgdAttr
//===----------------------------------------------------------------------===//

LogicalResult SgdAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                              Real momentum, Real dampening, Real weightDecay,
                              bool nesterov, bool) {
  // sgd_c1: momentum and weight_decay.
  if (failed(verifyNotNegative(emitError, "momentum", momentum)) ||
      failed(verifyNotNegative(emitError, "weight_decay", weightDecay)))
    return failure();
  // sgd_c1: dampening.
  if (!std::isfinite(dampening.value))
    return emitError() << "expected dampening to be finite, but got "
                       << dampening.value;
  // sgd_c2
  if (nesterov && (momentum.value == 0.0 || dampening.value != 0.0))
    return emitError() << "expected momentum and no dampening with nesterov, "
                          "but got momentum "
                       << momentum.value << " and dampening "
                       << dampening.value;
  return success();
}

/// Whether there is a momentum buffer.
static bool hasMomentum(SgdAttr sgd) { return sgd.getMomentum().value != 0.0; }

static bool hasDampening(SgdAttr sgd) {
  return sgd.getDampening().value != 0.0;
}

SmallVector<StringRef> SgdAttr::getStateNames() const {
  if (!hasMomentum(*this))
    return {};
  return {"momentum_buffer"};
}

bool SgdAttr::needsStep() const {
  return hasMomentum(*this) && hasDampening(*this);
}

// scale = 1 in the first step, then 1 - dampening.
SmallVector<Value> SgdAttr::buildShared(OpBuilder &builder, Location loc,
                                        Type type, Value step) const {
  if (!hasMomentum(*this))
    return {};
  if (!needsStep())
    return {scalarConstant(builder, loc, type, 1.0)};
  Expr number(builder, loc, step);
  Expr later = number.constant(1.0 - getDampening());
  return {select(number == 1.0, 1.0, later)};
}

/// p - lr scatter_add(0, i, u) = scatter_add(p, i, -lr u): the update of an
/// embedding changes only the rows that are used. Null if the gradient is no
/// such scatter, has other readers, or if the optimizer changes rows without
/// gradient.
static Value updateRows(OpBuilder &builder, Location loc, SgdAttr sgd,
                        Value param, Value gradient, Value lr) {
  auto scatter = gradient.getDefiningOp<ScatterAddOp>();
  if (!scatter || !scatter->use_empty() || hasMomentum(sgd) ||
      double(sgd.getWeightDecay()) != 0.0 ||
      !matchPattern(scatter.getDest(), m_AnyZeroFloat()))
    return {};
  Expr rate(builder, loc, scalarLike(builder, loc, lr, param));
  Expr factor = sgd.getMaximize() ? rate : -rate;
  Value updates = factor.at(scatter.getUpdates()) * factor;
  return ScatterAddOp::create(builder, loc, param.getType(), param,
                              scatter.getIndices(), updates, scatter.getDim());
}

SmallVector<Value> SgdAttr::buildUpdate(OpBuilder &builder, Location loc,
                                        Value param, Value gradient,
                                        ValueRange states, Value lr,
                                        ValueRange shared) const {
  if (Value updated = updateRows(builder, loc, *this, param, gradient, lr))
    return {updated};
  SmallVector<Type> types(1 + states.size(), param.getType());
  Value buffer = states.empty() ? Value() : states.front();
  Value scale = shared.empty()
                    ? Value()
                    : scalarLike(builder, loc, shared.front(), param);
  auto update = SgdUpdateOp::create(builder, loc, types, param, gradient,
                                    scalarLike(builder, loc, lr, param), buffer,
                                    scale, *this);
  return llvm::to_vector_of<Value>(update->getResults());
}

SmallVector<Value> SgdAttr::buildChange(OpBuilder &builder, Location loc,
                                        Value param, Value gradient,
                                        ValueRange states, Value lr,
                                        ValueRange shared) const {
  gradient =
      addDecay(builder, loc, param, gradient, getWeightDecay(), getMaximize());
  auto plain = SgdAttr::get(getContext(), getMomentum(), getDampening(),
                            Real(0.0), getNesterov(), getMaximize());
  return buildUpdateOfZero(plain, builder, loc, gradient, states, lr, shared);
}

//===----------------------------------------------------------------------===//
// SgdUpdateOp
//===----------------------------------------------------------------------===//

LogicalResult SgdUpdateOp::verify() {
  SmallVector<Value> tensors{getGradient()};
  if (getMomentumBuffer())
    tensors.push_back(getMomentumBuffer());
  llvm::append_range(tensors, getResults());
  if (failed(verifyUpdate(*this, getParam(), tensors, {getLr(), getScale()})))
    return failure();
  bool momentum = hasMomentum(getOptimizer());
  // sgd_update_c1
  if (bool(getMomentumBuffer()) != momentum || bool(getScale()) != momentum ||
      bool(getNewMomentumBuffer()) != momentum)
    return emitOpError("expected momentum_buffer, scale and a second result ")
           << (momentum ? "with" : "only with") << " momentum";
  return success();
}

// g = ±gradient + weight_decay p, b = momentum b + scale g,
// p = p - lr (b, or with nesterov g + momentum b, or without momentum g).
SmallVector<Value> SgdUpdateOp::buildScalar(OpBuilder &builder, Location loc,
                                            ValueRange args) {
  SgdAttr sgd = getOptimizer();
  Scalar param(builder, loc, args[0]);
  Scalar g = param.at(args[1]), lr = param.at(args[2]);
  if (sgd.getMaximize())
    g = -g;
  if (double decay = sgd.getWeightDecay(); decay != 0.0)
    g = g + decay * param;
  if (!hasMomentum(sgd))
    return {param - lr * g};

  double momentum = sgd.getMomentum();
  Scalar decayed = momentum * param.at(args[3]);
  Scalar scaled = hasDampening(sgd) ? param.at(args[4]) * g : g;
  Scalar buffer = decayed + scaled;
  Scalar direction = sgd.getNesterov() ? g + momentum * buffer : buffer;
  return {param - lr * direction, buffer};
}
