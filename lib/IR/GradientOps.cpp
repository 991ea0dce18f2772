//===- GradientOps.cpp - gradients that the model gives -------------------===//

#include "Pock/IR/PockUtils.h"

using namespace mlir;
using namespace mlir::pock;

LogicalResult CustomGradientOp::inferReturnTypes(MLIRContext *,
                                                 std::optional<Location>,
                                                 Adaptor adaptor,
                                                 SmallVectorImpl<Type> &types) {
  for (int part = 0; part < 2; ++part)
    llvm::append_range(types, adaptor.getValues().getTypes());
  return success();
}

/// The `pock.set_gradients` ops of `op`.
static auto settersOf(CustomGradientOp op) {
  return llvm::make_filter_range(
      op->getResult(0).getUsers(),
      [](Operation *user) { return isa<SetGradientsOp>(user); });
}

LogicalResult CustomGradientOp::verify() {
  // custom_gradient_c1
  if (getValues().empty())
    return emitOpError("expected at least one value");
  // custom_gradient_c2
  auto setters = settersOf(*this);
  if (llvm::hasNItemsOrMore(setters, 2)) {
    InFlightDiagnostic diag =
        emitOpError("expected its gradients to be set once");
    for (Operation *setter : setters)
      diag.attachNote(setter->getLoc()) << "set here";
    return diag;
  }
  return success();
}

SetGradientsOp CustomGradientOp::getSetter() {
  auto setters = settersOf(*this);
  return setters.empty() ? SetGradientsOp()
                         : cast<SetGradientsOp>(*setters.begin());
}

Value CustomGradientOp::getValueOf(OpResult result) {
  assert(result.getResultNumber() < getValues().size() &&
         "cotangents are replaced before they are asked for");
  return getValues()[result.getResultNumber()];
}

void CustomGradientOp::bindCotangents(OpBuilder &builder,
                                      ArrayRef<Value> known) {
  for (auto [index, cotangent] : llvm::enumerate(getCotangents())) {
    if (cotangent.use_empty())
      continue;
    Value value = index < known.size() ? known[index] : Value();
    if (!value)
      value = splatConstant(builder, getLoc(),
                            cast<RankedTensorType>(cotangent.getType()), 0.0);
    cotangent.replaceAllUsesWith(value);
  }
}

void CustomGradientOp::remove() {
  if (SetGradientsOp setter = getSetter())
    setter.erase();
  for (auto [result, value] : llvm::zip(getResults(), getValues()))
    result.replaceAllUsesWith(value);
  erase();
}

CustomGradientOp SetGradientsOp::getOwner() {
  return getOf().getDefiningOp<CustomGradientOp>();
}

LogicalResult SetGradientsOp::verify() {
  // set_gradients_c1
  CustomGradientOp owner = getOwner();
  if (!owner || getOf() != owner->getResult(0))
    return emitOpError("expected the first result of a pock.custom_gradient");
  // set_gradients_c2
  if (getGradients().getTypes() != owner.getInputs().getTypes()) {
    InFlightDiagnostic diag = emitOpError("expected one gradient for each of ")
                              << owner.getInputs().size()
                              << " inputs, of its type";
    diag.attachNote(owner.getLoc()) << "inputs are named here";
    return diag;
  }
  return success();
}
