//===- Differentiator.cpp - reverse-mode differentiation ------------------===//

#include "Differentiator.h"

#include "Pock/IR/ElementTypes.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::pock;

FailureOr<SmallVector<ParamGradient>>
Differentiator::run(OpBuilder &builder, ArrayRef<ParamOp> params) {
  findActive();
  if (failed(differentiateAll(builder)))
    return failure();
  SmallVector<ParamGradient> gradients;
  for (ParamOp param : params)
    gradients.push_back({param, buildGradient(builder, param)});
  if (failed(removeCustomGradients(builder)))
    return failure();
  return gradients;
}

void Differentiator::findActive() {
  for (Operation &op : function.getBody().front()) {
    if (auto load = dyn_cast<LoadParamOp>(op)) {
      auto param = SymbolTable::lookupNearestSymbolFrom<ParamOp>(
          load, load.getParamAttr());
      if (param.getTrained())
        active.insert({load.getResult(), param});
      continue;
    }
    if (op.hasTrait<pock::Inactive>())
      continue;
    for (Value operand : op.getOperands()) {
      auto source = active.find(operand);
      if (source == active.end())
        continue;
      ParamOp param = source->second; // inserting moves the entries
      bool relaxed = isRelaxed(&op, operand);
      for (Value result : op.getResults())
        if (isa<FloatType>(getElementTypeOrSelf(result)) ||
            (relaxed && isNumber(result.getType())))
          active.insert({result, param});
      break;
    }
  }
}

LogicalResult Differentiator::differentiateAll(OpBuilder &builder) {
  if (!active.contains(loss))
    return success();
  addCotangent(builder, loss,
               splatConstant(builder, loss.getLoc(),
                             cast<RankedTensorType>(loss.getType()), 1.0));
  // The ops of the forward pass, without those that are added here.
  SmallVector<Operation *> tape;
  for (Operation &op : function.getBody().front())
    tape.push_back(&op);
  for (Operation *op : llvm::reverse(tape))
    if (failed(differentiate(builder, op)))
      return failure();
  return success();
}

LogicalResult Differentiator::removeCustomGradients(OpBuilder &builder) {
  Block &body = function.getBody().front();
  SmallVector<CustomGradientOp> ops(body.getOps<CustomGradientOp>());
  for (CustomGradientOp op : ops) {
    op.bindCotangents(builder, {});
    op.remove();
  }
  // Ops that compute given gradients still are in the forward pass.
  auto readsItself = [](Operation &op) {
    return llvm::is_contained(op.getUsers(), &op);
  };
  if (ops.empty() ||
      (llvm::none_of(body, readsItself) && sortTopologically(&body)))
    return success();
  return function.emitError("expected the loss not to depend on its gradients");
}

bool Differentiator::isRelaxed(Operation *op, Value operand) {
  return op->hasTrait<pock::Relaxed>() ||
         isa<IntegerType>(getElementTypeOrSelf(operand));
}

RankedTensorType Differentiator::cotangentType(Value value) const {
  auto type = cast<RankedTensorType>(value.getType());
  if (isa<FloatType>(type.getElementType()))
    return type;
  return type.clone(getElementTypeOrSelf(loss));
}

Operation *Differentiator::buildRealTwin(OpBuilder &builder, Operation *op) {
  // Operands of one element type stay operands of one element type.
  llvm::SmallPtrSet<Type, 2> integers;
  for (Value operand : op->getOperands())
    if (active.contains(operand) && cotangentType(operand) != operand.getType())
      integers.insert(getElementTypeOrSelf(operand));
  Operation *twin = op->cloneWithoutRegions();
  for (OpOperand &operand : twin->getOpOperands())
    if (Value value = operand.get();
        integers.contains(getElementTypeOrSelf(value)))
      operand.set(
          CastOp::create(builder, op->getLoc(), cotangentType(value), value));
  for (auto [fresh, old] : llvm::zip(twin->getResults(), op->getResults()))
    fresh.setType(cotangentType(old));
  return builder.insert(twin);
}

void Differentiator::addCotangent(OpBuilder &builder, Value value,
                                  Value cotangent) {
  Value &sum = cotangents[value];
  sum = sum ? AddOp::create(builder, cotangent.getLoc(), sum, cotangent)
                  .getResult()
            : cotangent;
}

LogicalResult Differentiator::differentiate(OpBuilder &builder, Operation *op) {
  SmallVector<Value> outer;
  for (Value result : op->getResults())
    outer.push_back(cotangents.lookup(result));
  if (auto custom = dyn_cast<CustomGradientOp>(op))
    custom.bindCotangents(
        builder, ArrayRef(outer).take_front(custom.getResults().size()));
  SmallVector<bool> needed;
  for (Value operand : op->getOperands())
    needed.push_back(active.contains(operand));
  if (llvm::none_of(outer, [](Value v) { return v != nullptr; }) ||
      !llvm::is_contained(needed, true))
    return success();
  // An op on integers has the derivative of its counterpart on real numbers.
  bool integers = llvm::any_of(
      llvm::concat<Value>(llvm::to_vector_of<Value>(op->getOperands()),
                          llvm::to_vector_of<Value>(op->getResults())),
      [&](Value value) {
        return active.contains(value) &&
               cotangentType(value) != value.getType();
      });
  Operation *differentiated =
      integers && isa<VjpOpInterface>(op) && !op->hasTrait<pock::Relaxed>()
          ? buildRealTwin(builder, op)
          : op;
  auto rule = dyn_cast<VjpOpInterface>(differentiated);
  if (!rule) {
    InFlightDiagnostic diag = op->emitOpError("has no gradient rule");
    ParamOp param = active.lookup(op->getOperand(
        std::distance(needed.begin(), llvm::find(needed, true))));
    diag.attachNote(param.getLoc())
        << "needed to train '" << param.getSymName() << "'";
    return diag;
  }
  SmallVector<Value> grads(op->getNumOperands());
  if (failed(rule.buildVjp(builder, outer, needed, grads)))
    return op->emitOpError("has no gradient with these attributes");
  for (auto [operand, grad] : llvm::zip(op->getOperands(), grads)) {
    if (!grad || !active.contains(operand))
      continue;
    if (grad.getType() != cotangentType(operand))
      return op->emitOpError("has a gradient rule that gives ")
             << grad.getType() << " for an operand of type "
             << operand.getType();
    addCotangent(builder, operand, grad);
  }
  if (differentiated != op && differentiated->use_empty())
    differentiated->erase();
  return success();
}

Value Differentiator::buildGradient(OpBuilder &builder, ParamOp param) {
  Value gradient;
  Location loc = param.getLoc();
  for (auto load : function.getOps<LoadParamOp>()) {
    Value part = load.getParam() == param.getSymName()
                     ? cotangents.lookup(load.getResult())
                     : Value();
    if (part)
      gradient = gradient
                     ? AddOp::create(builder, loc, gradient, part).getResult()
                     : part;
  }
  auto type = cast<RankedTensorType>(param.getType());
  if (isa<IntegerType>(type.getElementType()))
    type = type.clone(getElementTypeOrSelf(loss));
  // The loss reads the parameter only through functions whose derivative is
  // zero.
  if (!gradient)
    gradient = splatConstant(builder, loc, type, 0.0);
  SliceAttr slice = param.getSliceAttr();
  if (!slice)
    return gradient;
  SmallVector<int64_t> starts(type.getRank(), 0), limits(type.getShape()),
      strides(type.getRank(), 1);
  limits[slice.getAxis()] = slice.getSize();
  return SliceOp::create(builder, loc, gradient, starts, limits, strides);
}
