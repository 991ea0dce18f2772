//===- LowerUpdates.cpp - sparse updates become optimizer ops -------------===//

#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_LOWERUPDATES
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct LowerUpdates
    : public ::mlir::pock::impl::LowerUpdatesBase<LowerUpdates> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<SparseUpdateOp> updates;
    getOperation().walk([&](SparseUpdateOp op) { updates.push_back(op); });
    SymbolTable symbols(getOperation());
    for (SparseUpdateOp update : updates)
      if (failed(lower(update, symbols)))
        return signalPassFailure();
  }

  LogicalResult lower(SparseUpdateOp update, SymbolTable &symbols) {
    OpBuilder b(update);
    Location loc = update.getLoc();
    auto param = symbols.lookup<ParamOp>(update.getParam());
    for (StringRef name : update.getOptimizer().getStateNames()) {
      std::string state = (param.getSymName() + "." + name).str();
      if (!symbols.lookup<ParamOp>(state))
        return update.emitOpError("expected the optimizer state '")
               << state << "' to be a pock.param";
    }
    Value gradient = update.getGradient();
    Operation *yield = update.getBody().front().getTerminator();
    for (Operation &op : llvm::make_early_inc_range(
             update.getBody().front().without_terminator()))
      op.moveBefore(update);
    yield->erase();

    auto load = [&](ParamOp op) {
      return LoadParamOp::create(b, loc, op.getType(),
                                 FlatSymbolRefAttr::get(op.getSymNameAttr()));
    };
    auto store = [&](ParamOp op, Value value) {
      StoreParamOp::create(b, loc, FlatSymbolRefAttr::get(op.getSymNameAttr()),
                           value);
    };
    OptimizerAttrInterface optimizer = update.getOptimizer();
    SmallVector<ParamOp> states;
    SmallVector<Value> stateValues;
    for (StringRef name : optimizer.getStateNames()) {
      states.push_back(
          symbols.lookup<ParamOp>((param.getSymName() + "." + name).str()));
      stateValues.push_back(load(states.back()));
    }
    Value whole = load(param), old = whole;
    auto type = cast<RankedTensorType>(param.getType());
    SmallVector<int64_t> starts(type.getRank(), 0), limits(type.getShape()),
        strides(type.getRank(), 1);
    if (SliceAttr slice = param.getSliceAttr()) {
      limits[slice.getAxis()] = slice.getSize();
      old = SliceOp::create(b, loc, whole, starts, limits, strides);
    }
    SmallVector<Value> updated = optimizer.buildUpdate(
        b, loc, old, gradient, stateValues, update.getLr(), update.getShared());
    Value fresh = updated.front();
    // Accumulation does not change the parameter.
    bool changes = fresh != old;
    if (changes && old != whole)
      fresh = InsertSliceOp::create(b, loc, type, fresh, whole, starts, limits,
                                    strides);
    if (changes)
      store(param, fresh);
    for (auto [state, value] :
         llvm::zip(states, ArrayRef(updated).drop_front()))
      store(state, value);
    update.erase();
    return success();
  }
};
} // namespace
