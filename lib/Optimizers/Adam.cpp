//===- Adam.cpp - Adam and AdamW ------------------------------------------===//
//
// `torch.optim.Adam` and `AdamW`: the attribute `#pock.adam` and the op
// `pock.adam_update`. Formulas keep PyTorch's order of operations, so that
// results agree to rounding over many steps.
//
//===----------------------------------------------------------------------===//

#include "UpdateUtils.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

//===----------------------------------------------------------------------===//
// AdamAttr
//===----------------------------------------------------------------------===//

LogicalResult AdamAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               Real beta1, Real beta2, Real eps,
                               Real weightDecay, bool, bool, bool) {
  // adam_c1
  for (auto [name, beta] :
       {std::pair("beta1", beta1.value), {"beta2", beta2.value}})
    if (!(beta >= 0.0 && beta < 1.0))
      return emitError() << "expected " << name
                         << " to be at least 0 and below 1, but got " << beta;
  // adam_c2
  if (failed(verifyNotNegative(emitError, "eps", eps)))
    return failure();
  return verifyNotNegative(emitError, "weight_decay", weightDecay);
}

SmallVector<StringRef> AdamAttr::getStateNames() const {
  SmallVector<StringRef> names{"exp_avg", "exp_avg_sq"};
  if (getAmsgrad())
    names.push_back("max_exp_avg_sq");
  return names;
}

bool AdamAttr::needsStep() const { return true; }

/// 1 - beta^step, exact also where beta^step is nearly one.
static Value biasCorrection(const Expr &step, double beta) {
  if (beta == 0.0)
    return step.constant(1.0);
  return -apply<Expm1Op>(step * std::log(beta));
}

SmallVector<Value> AdamAttr::buildShared(OpBuilder &builder, Location loc, Type,
                                         Value step) const {
  Expr number(builder, loc, step);
  Value correction1 = biasCorrection(number, getBeta1());
  Value correction2 = biasCorrection(number, getBeta2());
  return {correction1, correction2};
}

SmallVector<Value> AdamAttr::buildUpdate(OpBuilder &builder, Location loc,
                                         Value param, Value gradient,
                                         ValueRange states, Value lr,
                                         ValueRange shared) const {
  SmallVector<Value> scalars;
  for (Value scalar : {lr, shared[0], shared[1]})
    scalars.push_back(scalarLike(builder, loc, scalar, param));
  SmallVector<Type> types(1 + states.size(), param.getType());
  auto update = AdamUpdateOp::create(
      builder, loc, types, param, gradient, scalars[0], scalars[1], scalars[2],
      states[0], states[1], getAmsgrad() ? states[2] : Value(), *this);
  return llvm::to_vector_of<Value>(update->getResults());
}

SmallVector<Value> AdamAttr::buildChange(OpBuilder &builder, Location loc,
                                         Value param, Value gradient,
                                         ValueRange states, Value lr,
                                         ValueRange shared) const {
  double decay = getWeightDecay();
  if (!getDecoupled())
    gradient = addDecay(builder, loc, param, gradient, decay, getMaximize());
  auto plain =
      AdamAttr::get(getContext(), getBeta1(), getBeta2(), getEps(), Real(0.0),
                    getAmsgrad(), getMaximize(), getDecoupled());
  SmallVector<Value> updated =
      buildUpdateOfZero(plain, builder, loc, gradient, states, lr, shared);
  if (getDecoupled() && decay != 0.0) {
    Expr p(builder, loc, param);
    Expr rate = p.at(scalarLike(builder, loc, lr, param)) * decay;
    updated[0] = p.at(updated[0]) - p * rate;
  }
  return updated;
}

//===----------------------------------------------------------------------===//
// AdamUpdateOp
//===----------------------------------------------------------------------===//

LogicalResult AdamUpdateOp::verify() {
  SmallVector<Value> tensors{getGradient(), getExpAvg(), getExpAvgSq()};
  if (getMaxExpAvgSq())
    tensors.push_back(getMaxExpAvgSq());
  llvm::append_range(tensors, getResults());
  if (failed(verifyUpdate(*this, getParam(), tensors,
                          {getLr(), getCorrection1(), getCorrection2()})))
    return failure();
  bool amsgrad = getOptimizer().getAmsgrad();
  // adam_update_c1
  if (bool(getMaxExpAvgSq()) != amsgrad || bool(getNewMaxExpAvgSq()) != amsgrad)
    return emitOpError("expected max_exp_avg_sq and a fourth result ")
           << (amsgrad ? "with" : "only with") << " amsgrad";
  return success();
}

/// a + weight (b - a) as `torch.lerp`, which starts from the nearer end.
static Scalar lerp(const Scalar &a, const Scalar &b, double weight) {
  Scalar difference = b - a;
  return weight < 0.5 ? a + weight * difference
                      : b - difference * (1.0 - weight);
}

// g = ±gradient (+ weight_decay p, unless decoupled)
// m = m + (1 - beta1) (g - m), v = beta2 v + (1 - beta2) g^2
// p = (1 - lr weight_decay) p if decoupled
// p = p - (lr / c1) m / (sqrt(v or its maximum so far) / sqrt(c2) + eps)
SmallVector<Value> AdamUpdateOp::buildScalar(OpBuilder &builder, Location loc,
                                             ValueRange args) {
  AdamAttr adam = getOptimizer();
  Scalar param(builder, loc, args[0]);
  Scalar g = param.at(args[1]), lr = param.at(args[2]);
  Scalar correction1 = param.at(args[3]), correction2 = param.at(args[4]);
  if (adam.getMaximize())
    g = -g;
  if (double decay = adam.getWeightDecay(); decay != 0.0) {
    if (adam.getDecoupled())
      param = param * (1.0 - lr * decay);
    else
      g = g + decay * param;
  }

  double beta1 = adam.getBeta1(), beta2 = adam.getBeta2();
  Scalar mean = lerp(param.at(args[5]), g, 1.0 - beta1);
  Scalar decayed = param.at(args[6]) * beta2;
  Scalar square = decayed + ((1.0 - beta2) * g) * g;
  SmallVector<Value> results{param, mean, square};
  Scalar divisor = square;
  if (adam.getAmsgrad()) {
    divisor = param.make<arith::MaximumFOp>(args[7], Value(square));
    results.push_back(divisor);
  }

  Scalar root = param.make<math::SqrtOp>(Value(divisor));
  Scalar scale = param.make<math::SqrtOp>(Value(correction2));
  Scalar denominator = root / scale + adam.getEps().value;
  Scalar numerator = (lr / correction1) * mean;
  results[0] = param - numerator / denominator;
  return results;
}
