//===- BuildStep.cpp - derive the training step from the loss -------------===//
//
// Needs `@loss` in which every op between a trained parameter and the loss has
// a gradient rule, and the module attribute `pock.optimizer`. Builds `@step`:
// the forward pass, the backward pass (Differentiator), the processing of
// gradients (StepGradients), and one pock.sparse_update per trained parameter.
// With `pock.accumulate`, it also builds `@accumulate`, which only accumulates
// gradients.
//===----------------------------------------------------------------------===//

#include "Differentiator.h"
#include "StepGradients.h"
#include "StepOptions.h"

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/IR/TypeUtilities.h"

namespace mlir::pock {
#define GEN_PASS_DEF_BUILDSTEP
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// The first result of `function`; null after an error if it is not a
/// floating-point scalar.
static Value getLoss(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  Value loss =
      terminator->getNumOperands() ? terminator->getOperand(0) : Value();
  auto type =
      loss ? dyn_cast<RankedTensorType>(loss.getType()) : RankedTensorType();
  if (type && type.getRank() == 0 && isa<FloatType>(type.getElementType()))
    return loss;
  function.emitOpError("expected the first result of '@loss' to be a "
                       "floating-point scalar tensor");
  return {};
}

static DictionaryAttr named(MLIRContext *context, StringRef name) {
  return DictionaryAttr::get(context,
                             {{StringAttr::get(context, attribute::name),
                               StringAttr::get(context, name)}});
}

namespace {
struct BuildStep : public ::mlir::pock::impl::BuildStepBase<BuildStep> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto function = module.lookupSymbol<func::FuncOp>("loss");
    if (!function || !function.getBody().hasOneBlock()) {
      module.emitError("expected a function '@loss' of one block");
      return signalPassFailure();
    }
    FailureOr<StepOptions> options = StepOptions::get(module);
    if (failed(options) || !getLoss(function))
      return signalPassFailure();
    params.clear();
    for (auto param : module.getOps<ParamOp>())
      if (param.getTrained())
        params.push_back(param);
    func::FuncOp micro;
    if (options->accumulate > 1) {
      micro = function.clone();
      micro.setName("accumulate");
      OpBuilder::atBlockEnd(module.getBody()).insert(micro);
    }
    if (failed(buildStep(function, *options)) ||
        (micro && failed(buildAccumulate(micro))))
      return signalPassFailure();
    // StopGradient is only needed during differentiation; remove it.
    module.walk([](Operation *op) {
      if (!isa<StopGradientOp, WithDerivativesOp>(op))
        return;
      op->replaceAllUsesWith(ValueRange(op->getOperand(0)));
      op->erase();
    });
    StepOptions::removeFrom(module);
  }

  /// Turns the loss into the step.
  LogicalResult buildStep(func::FuncOp function, const StepOptions &options) {
    OpBuilder builder(function.getBody().front().getTerminator());
    Value loss = getLoss(function);
    auto scalar = cast<RankedTensorType>(loss.getType());
    FailureOr<SmallVector<ParamGradient>> gradients =
        Differentiator(function, loss).run(builder, params);
    if (failed(gradients))
      return failure();
    scaleToReal(builder, *gradients);
    if (options.accumulate > 1)
      addAccumulated(builder, *gradients, options.accumulate);
    if (options.clipValue)
      clipValues(builder, *gradients, *options.clipValue);
    Value norm;
    if (options.clipNorm)
      norm = clipNorm(builder, *gradients, scalar, *options.clipNorm);
    if (norm && failed(addResult(function, norm, "grad_norm")))
      return failure();
    if (failed(addUpdates(builder, function, *gradients, options, scalar)))
      return failure();
    function.setName("step");
    return success();
  }

  /// Turns a copy of the loss into a function that only accumulates gradients.
  LogicalResult buildAccumulate(func::FuncOp function) {
    OpBuilder builder(function.getBody().front().getTerminator());
    Value loss = getLoss(function);
    FailureOr<SmallVector<ParamGradient>> gradients =
        Differentiator(function, loss).run(builder, params);
    if (failed(gradients))
      return failure();
    scaleToReal(builder, *gradients);
    Value unused = splatConstant(builder, function.getLoc(),
                                 cast<RankedTensorType>(loss.getType()), 0.0);
    for (auto [param, gradient] : *gradients)
      addUpdate(builder, param, gradient, AccumulateAttr::get(&getContext()),
                unused, {}, {});
    return success();
  }

  static LogicalResult addResult(func::FuncOp function, Value value,
                                 StringRef name) {
    unsigned index = function.getNumResults();
    Operation *terminator = function.getBody().front().getTerminator();
    terminator->insertOperands(index, value);
    return function.insertResult(index, value.getType(),
                                 named(function.getContext(), name));
  }

  /// Adds the learning rates as an input, and one update per trained parameter.
  LogicalResult addUpdates(OpBuilder &builder, func::FuncOp function,
                           ArrayRef<ParamGradient> gradients,
                           const StepOptions &options,
                           RankedTensorType scalar) {
    Location loc = function.getLoc();
    int64_t groups = options.optimizers.size();
    auto type = groups == 1
                    ? scalar
                    : RankedTensorType::get({groups}, scalar.getElementType());
    unsigned index = function.getNumArguments();
    if (failed(function.insertArgument(index, type, named(&getContext(), "lr"),
                                       loc)))
      return failure();
    Value rates = function.getArgument(index);
    FailureOr<SmallVector<Value>> random = addRandom(function, options);
    if (failed(random))
      return failure();
    Value step = buildStepNumber(builder, loc, options, scalar);
    SmallVector<Value> lr;
    SmallVector<SmallVector<Value>> shared;
    for (auto [group, optimizer] : llvm::enumerate(options.optimizers)) {
      lr.push_back(groups == 1 ? rates : entryOf(builder, loc, rates, group));
      shared.push_back(optimizer.buildShared(
          builder, loc, scalar, optimizer.needsStep() ? step : Value()));
    }
    for (auto [param, gradient] : gradients) {
      int64_t group = options.groupOf(param);
      addUpdate(builder, param, gradient, options.optimizers[group], lr[group],
                shared[group], *random);
    }
    return success();
  }

  /// Seed and step of random rounding, which are inputs; none if nothing is
  /// rounded at random.
  FailureOr<SmallVector<Value>> addRandom(func::FuncOp function,
                                          const StepOptions &options) {
    SmallVector<Value> random;
    if (!options.stochastic || llvm::none_of(params, [](ParamOp param) {
          return param.getQuantization().has_value();
        }))
      return random;
    for (StringRef name : {"random_seed", "random_step"}) {
      for (BlockArgument argument : function.getArguments())
        if (auto given = function.getArgAttrOfType<StringAttr>(
                argument.getArgNumber(), attribute::name);
            given && given == name)
          random.push_back(argument);
    }
    auto type = RankedTensorType::get({}, IntegerType::get(&getContext(), 64));
    if (random.empty())
      for (StringRef name : {"random_seed", "random_step"}) {
        // Before the learning rates.
        unsigned index = function.getNumArguments() - 1;
        if (failed(function.insertArgument(
                index, type, named(&getContext(), name), function.getLoc())))
          return failure();
        random.push_back(function.getArgument(index));
      }
    return random;
  }

  /// Entry `index` of a vector as a scalar.
  static Value entryOf(OpBuilder &builder, Location loc, Value vector,
                       int64_t index) {
    Value entry =
        SliceOp::create(builder, loc, vector, {index}, {index + 1}, {1});
    return reshapeTo(builder, loc, entry, {});
  }

  /// Counts the steps if an optimizer needs the count; null if none does.
  Value buildStepNumber(OpBuilder &builder, Location loc,
                        const StepOptions &options, RankedTensorType scalar) {
    if (llvm::none_of(options.optimizers, [](OptimizerAttrInterface optimizer) {
          return optimizer.needsStep();
        }))
      return {};
    auto type = RankedTensorType::get({}, builder.getI64Type());
    OpBuilder outer = OpBuilder::atBlockEnd(getOperation().getBody());
    FlatSymbolRefAttr symbol =
        declareState(outer, loc, "optimizer.step", type, nullptr);
    Value count = LoadParamOp::create(builder, loc, type, symbol);
    Value one = splatConstant(builder, loc, type, 1);
    count = AddOp::create(builder, loc, count, one);
    StoreParamOp::create(builder, loc, symbol, count);
    return CastOp::create(builder, loc, scalar, count);
  }

  /// Adds the update of `param` by `gradient` and declares its states.
  void addUpdate(OpBuilder &builder, ParamOp param, Value gradient,
                 OptimizerAttrInterface optimizer, Value lr, ValueRange shared,
                 ArrayRef<Value> random) {
    Location loc = param.getLoc();
    auto states = optimizer.getStateNames();
    for (StringRef state : llvm::reverse(states))
      declareState(param, state, cast<RankedTensorType>(gradient.getType()));
    Value inverse = buildInverseScale(builder, param,
                                      getElementTypeOrSelf(gradient.getType()));
    auto update = SparseUpdateOp::create(
        builder, loc, FlatSymbolRefAttr::get(param.getSymNameAttr()), lr,
        shared, inverse, inverse ? random : ArrayRef<Value>(), optimizer);
    OpBuilder inner = OpBuilder::atBlockEnd(&update.getBody().emplaceBlock());
    YieldOp::create(inner, loc, gradient);
  }

  SmallVector<ParamOp> params;
};
} // namespace
