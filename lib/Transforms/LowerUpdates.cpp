//===- LowerUpdates.cpp - sparse updates become optimizer ops -------------===//

#include "Pock/IR/Expr.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

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
    if (SliceAttr slice = param.getSliceAttr(); slice && !param.findRest()) {
      limits[slice.getAxis()] = slice.getSize();
      old = SliceOp::create(b, loc, whole, starts, limits, strides);
    }
    SmallVector<Value> updated =
        update.getInverseScale()
            ? buildQuantized(b, update, param, old, gradient, stateValues)
            : optimizer.buildUpdate(b, loc, old, gradient, stateValues,
                                    update.getLr(), update.getShared());
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

  /// As `buildUpdate`, of the quantised values `old` of `param`.
  SmallVector<Value> buildQuantized(OpBuilder &b, SparseUpdateOp update,
                                    ParamOp param, Value old, Value gradient,
                                    ArrayRef<Value> states) {
    Location loc = update.getLoc();
    QuantizationAttr quantization = param.getQuantizationAttr();
    auto real = cast<RankedTensorType>(gradient.getType());
    Expr inverse(b, loc, update.getInverseScale());
    // Only optimizers with weight decay read it.
    Expr value = inverse.make<DequantizeOp>(
        real, old, Value(), b.getF64FloatAttr(1.0),
        b.getI64IntegerAttr(quantization.getZeroPoint()));
    Expr scaled = value / inverse;
    SmallVector<Value> updated = update.getOptimizer().buildChange(
        b, loc, scaled, gradient, states, update.getLr(), update.getShared());
    for (Operation *op :
         {Value(scaled).getDefiningOp(), Value(value).getDefiningOp()})
      if (op->use_empty())
        op->erase();
    if (!updated.front()) {
      updated.front() = old;
      return updated;
    }
    // A step of a bias is far below one of the result: rounding does not
    // matter.
    ValueRange random = update.getRandom();
    if (!cast<RankedTensorType>(old.getType()).getElementType().isInteger(8))
      random = {};
    updated.front() = QuantizedUpdateOp::create(
        b, loc, old.getType(), old, updated.front(), inverse,
        random.empty() ? Value() : random[0],
        random.empty() ? Value() : random[1],
        static_cast<uint64_t>(quantization.getMin()),
        static_cast<uint64_t>(quantization.getMax()),
        random.empty() ? 0 : firstStream + numberOf(param),
        random.empty() ? DenseI64ArrayAttr()
                       : b.getDenseI64ArrayAttr(stridesOf(param)));
    return updated;
  }

  /// The strides of the model's tensor of `param`, in the order of its storage:
  /// random numbers do not depend on the layout.
  static SmallVector<int64_t> stridesOf(ParamOp param) {
    RankedTensorType type = param.getWholeType();
    int64_t rank = type.getRank();
    SmallVector<int64_t> order(llvm::to_vector(llvm::seq<int64_t>(0, rank)));
    if (std::optional<ArrayRef<int64_t>> permutation = param.getPermutation())
      order.assign(permutation->begin(), permutation->end());
    SmallVector<int64_t> shape(rank);
    for (auto [i, dim] : llvm::enumerate(order))
      shape[dim] = type.getDimSize(i);
    return applyPermutation(computeStrides(shape), order);
  }

  /// The number of `param` among those of bytes: it does not depend on the
  /// order of updates.
  static int64_t numberOf(ParamOp param) {
    int64_t number = 0;
    for (ParamOp other : param->getParentOfType<ModuleOp>().getOps<ParamOp>()) {
      if (other == param)
        break;
      number +=
          other.getQuantization() && other.getKind() != ParamKind::Rest &&
          cast<RankedTensorType>(other.getType()).getElementType().isInteger(8);
    }
    return number;
  }

  /// Streams of random numbers below this are those of dropout.
  static constexpr int64_t firstStream = int64_t(1) << 31;
};
} // namespace
