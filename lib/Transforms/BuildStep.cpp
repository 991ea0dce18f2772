//===- BuildStep.cpp - derive the training step from the loss -------------===//
//
// Needs `@loss` in which every op on the way from a trained parameter to the
// loss has a gradient rule, and the module attribute `pock.optimizer`.
// Leaves `@step`: the forward pass, then the backward pass, then the updates.
//
//   1. active values: walk forward from the loads of trained parameters;
//   2. reverse walk from the loss over active ops, summing cotangents;
//   3. one pock.sparse_update per trained parameter.
//
// Straight-line code only: the values of the forward pass are the tape.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::pock {
#define GEN_PASS_DEF_BUILDSTEP
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// Reverse-mode differentiation of one function.
class Differentiator {
public:
  Differentiator(func::FuncOp function, Value loss)
      : function(function), loss(loss) {}

  /// Marks every floating-point value that depends on a trained parameter.
  void findActive() {
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
        for (Value result : op.getResults())
          if (isa<FloatType>(getElementTypeOrSelf(result)))
            active.insert({result, source->second});
        break;
      }
    }
  }

  /// Builds the cotangents of all active values that the loss depends on.
  LogicalResult run(OpBuilder &builder) {
    if (!active.contains(loss))
      return success();
    addCotangent(builder, loss,
                 splatConstant(builder, loss.getLoc(),
                               cast<RankedTensorType>(loss.getType()), 1.0));
    // The ops of the forward pass, latest first; new ops do not count.
    SmallVector<Operation *> tape;
    for (Operation &op : function.getBody().front())
      tape.push_back(&op);
    for (Operation *op : llvm::reverse(tape))
      if (failed(differentiate(builder, op)))
        return failure();
    return success();
  }

  /// The cotangent of `value`, null if the loss does not depend on it.
  Value getCotangent(Value value) const { return cotangents.lookup(value); }

private:
  /// Adds `cotangent` to what has arrived at `value`.
  void addCotangent(OpBuilder &builder, Value value, Value cotangent) {
    Value &sum = cotangents[value];
    sum = sum ? AddOp::create(builder, cotangent.getLoc(), sum, cotangent)
                    .getResult()
              : cotangent;
  }

  /// Passes the cotangents of the results of `op` on to its operands.
  LogicalResult differentiate(OpBuilder &builder, Operation *op) {
    SmallVector<Value> outer;
    for (Value result : op->getResults())
      outer.push_back(cotangents.lookup(result));
    SmallVector<bool> needed;
    for (Value operand : op->getOperands())
      needed.push_back(active.contains(operand));
    if (llvm::none_of(outer, [](Value v) { return v != nullptr; }) ||
        !llvm::is_contained(needed, true))
      return success();
    auto rule = dyn_cast<VjpOpInterface>(op);
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
      if (grad.getType() != operand.getType())
        return op->emitOpError("has a gradient rule that gives ")
               << grad.getType() << " for an operand of type "
               << operand.getType();
      addCotangent(builder, operand, grad);
    }
    return success();
  }

  func::FuncOp function;
  Value loss;
  /// Active values, each with one parameter it depends on.
  llvm::MapVector<Value, ParamOp> active;
  DenseMap<Value, Value> cotangents;
};

struct BuildStep : public ::mlir::pock::impl::BuildStepBase<BuildStep> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto function = module.lookupSymbol<func::FuncOp>("loss");
    if (!function || !function.getBody().hasOneBlock()) {
      module.emitError("expected a function '@loss' of one block");
      return signalPassFailure();
    }
    auto optimizer =
        module->getAttrOfType<OptimizerAttrInterface>("pock.optimizer");
    if (!optimizer) {
      module.emitError("expected the module attribute 'pock.optimizer'");
      return signalPassFailure();
    }
    Operation *terminator = function.getBody().front().getTerminator();
    Value loss =
        terminator->getNumOperands() ? terminator->getOperand(0) : Value();
    auto type =
        loss ? dyn_cast<RankedTensorType>(loss.getType()) : RankedTensorType();
    if (!type || type.getRank() != 0 ||
        !isa<FloatType>(type.getElementType())) {
      function.emitOpError("expected the first result of '@loss' to be a "
                           "floating-point scalar tensor");
      return signalPassFailure();
    }
    Differentiator differentiator(function, loss);
    differentiator.findActive();
    OpBuilder builder(terminator);
    if (failed(differentiator.run(builder)) ||
        failed(addUpdates(builder, function, differentiator, optimizer, type)))
      return signalPassFailure();
    // It has served.
    getOperation().walk([](StopGradientOp op) {
      op.replaceAllUsesWith(op.getInput());
      op.erase();
    });
    function.setName("step");
    module->removeAttr("pock.optimizer");
  }

  /// Adds the learning rate as input and one update per trained parameter.
  LogicalResult addUpdates(OpBuilder &builder, func::FuncOp function,
                           const Differentiator &differentiator,
                           OptimizerAttrInterface optimizer,
                           RankedTensorType scalar) {
    MLIRContext *context = &getContext();
    Location loc = function.getLoc();
    unsigned index = function.getNumArguments();
    if (failed(function.insertArgument(
            index, scalar,
            DictionaryAttr::get(context,
                                {{StringAttr::get(context, "pock.name"),
                                  StringAttr::get(context, "lr")}}),
            loc)))
      return failure();
    Value lr = function.getArgument(index);

    SmallVector<ParamOp> params(getOperation().getOps<ParamOp>());
    SmallVector<Value> shared = buildShared(builder, loc, optimizer, scalar);
    for (ParamOp param : params)
      if (param.getTrained() &&
          failed(addUpdate(builder, function, param, differentiator, optimizer,
                           lr, shared)))
        return failure();
    return success();
  }

  /// Counts the steps if the optimizer wants to know, and builds what all
  /// updates share.
  SmallVector<Value> buildShared(OpBuilder &builder, Location loc,
                                 OptimizerAttrInterface optimizer,
                                 RankedTensorType scalar) {
    if (!optimizer.needsStep())
      return optimizer.buildShared(builder, loc, scalar, {});
    auto type = RankedTensorType::get({}, builder.getI64Type());
    ParamOp counter = declareState(
        StringAttr::get(&getContext(), "optimizer.step"), type, nullptr, loc);
    auto symbol = FlatSymbolRefAttr::get(counter.getSymNameAttr());
    Value count = LoadParamOp::create(builder, loc, type, symbol);
    Value one = splatConstant(builder, loc, type, 1);
    count = AddOp::create(builder, loc, count, one);
    StoreParamOp::create(builder, loc, symbol, count);
    Value number = CastOp::create(builder, loc, scalar, count);
    return optimizer.buildShared(builder, loc, scalar, number);
  }

  /// Declares a tensor of optimizer state, stored like the parameter `of`.
  ParamOp declareState(StringAttr name, RankedTensorType type, ParamOp of,
                       Location loc) {
    OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
    if (of)
      builder.setInsertionPointAfter(of);
    return ParamOp::create(
        builder, loc, name, TypeAttr::get(type),
        ParamKindAttr::get(&getContext(), ParamKind::State), UnitAttr(),
        SliceAttr(), of ? of.getPermutationAttr() : DenseI64ArrayAttr(),
        of ? FlatSymbolRefAttr::get(of.getSymNameAttr()) : FlatSymbolRefAttr());
  }

  /// Adds the update of `param`, whose gradient must exist.
  LogicalResult addUpdate(OpBuilder &builder, func::FuncOp function,
                          ParamOp param, const Differentiator &differentiator,
                          OptimizerAttrInterface optimizer, Value lr,
                          ValueRange shared) {
    Value gradient;
    Location loc = param.getLoc();
    for (auto load : function.getOps<LoadParamOp>()) {
      Value part = load.getParam() == param.getSymName()
                       ? differentiator.getCotangent(load)
                       : Value();
      if (part)
        gradient = gradient
                       ? AddOp::create(builder, loc, gradient, part).getResult()
                       : part;
    }
    if (!gradient)
      return param.emitOpError("is to be trained but receives no gradient: the "
                               "loss does not depend on it");
    auto type = cast<RankedTensorType>(param.getType());
    if (SliceAttr slice = param.getSliceAttr()) {
      SmallVector<int64_t> starts(type.getRank(), 0), limits(type.getShape()),
          strides(type.getRank(), 1);
      limits[slice.getAxis()] = slice.getSize();
      gradient =
          SliceOp::create(builder, loc, gradient, starts, limits, strides);
      type = cast<RankedTensorType>(gradient.getType());
    }
    SmallVector<StringRef> states = optimizer.getStateNames();
    for (StringRef state : llvm::reverse(states))
      declareState(
          StringAttr::get(&getContext(), param.getSymName() + "." + state),
          type, param, loc);
    auto update = SparseUpdateOp::create(
        builder, loc, FlatSymbolRefAttr::get(param.getSymNameAttr()), lr,
        shared, optimizer);
    OpBuilder inner = OpBuilder::atBlockEnd(&update.getBody().emplaceBlock());
    YieldOp::create(inner, loc, gradient);
    return success();
  }
};
} // namespace
