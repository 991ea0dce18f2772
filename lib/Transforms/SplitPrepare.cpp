//===- SplitPrepare.cpp - compute values of frozen parameters once --------===//
//
// Needs functions of one block. Makes `@prepare` even if it is empty, so that
// callers can rely on it.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/Pock.h"
#include "Pock/Target/TargetBackend.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SPLITPREPARE
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// The dependences of a value that does not change from step to step.
enum class Frozen { No, Constant, Depends };

struct SplitPrepare
    : public ::mlir::pock::impl::SplitPrepareBase<SplitPrepare> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    savesFlash = limitsAt(module).preparedAhead;
    findWritten();
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    prepare = func::FuncOp::create(builder, module.getLoc(), "prepare",
                                   builder.getFunctionType({}, {}));
    body = prepare.addEntryBlock();
    for (func::FuncOp function : functions)
      if (!function.isExternal())
        split(function);
    builder.setInsertionPointToEnd(body);
    func::ReturnOp::create(builder, module.getLoc());
  }

  /// Collects the parameters whose value changes.
  void findWritten() {
    getOperation().walk([&](Operation *op) {
      if (auto store = dyn_cast<StoreParamOp>(op))
        written.insert(store.getParam());
      else if (auto update = dyn_cast<SparseUpdateOp>(op))
        written.insert(update.getParam());
      else if (auto param = dyn_cast<ParamOp>(op))
        if (param.getTrained() || param.getKind() == ParamKind::State)
          written.insert(param.getSymName());
    });
  }

  Frozen classify(Operation *op, const DenseMap<Operation *, Frozen> &known) {
    if (isa<ConstantOp>(op))
      return Frozen::Constant;
    if (auto load = dyn_cast<LoadParamOp>(op))
      return written.contains(load.getParam()) ? Frozen::No : Frozen::Depends;
    if (op->getNumResults() == 0 || op->getNumRegions() != 0 ||
        !isMemoryEffectFree(op))
      return Frozen::No;
    Frozen result = Frozen::Constant;
    for (Value operand : op->getOperands()) {
      Operation *source = operand.getDefiningOp();
      Frozen kind = source ? known.lookup(source) : Frozen::No;
      if (kind == Frozen::No)
        return Frozen::No;
      if (kind == Frozen::Depends)
        result = Frozen::Depends;
    }
    return result;
  }

  /// Whether the result of `op` is worth a buffer: no view, not larger than its
  /// operands. Where buffers are in flash, neither are inverses of parameters,
  /// which take as many bytes again.
  bool isWorthStoring(Operation *op) const {
    if (savesFlash && isa<DivOp>(op) &&
        matchPattern(op->getOperand(0), m_Constant()) &&
        op->getOperand(1).getDefiningOp<LoadParamOp>())
      return false;
    return !isa<LoadParamOp, ConstantOp, ReshapeOp, ExpandOp, DequantizeOp>(op);
  }

  void split(func::FuncOp function) {
    DenseMap<Operation *, Frozen> known;
    SmallVector<Operation *> frozen;
    rebuilt.clear();
    for (Operation &op : function.getBody().front()) {
      Frozen kind = classify(&op, known);
      known[&op] = kind;
      if (kind == Frozen::Depends && isWorthStoring(&op))
        frozen.push_back(&op);
    }
    moveFailures(function, known);
    for (Operation *op : frozen) {
      bool leaves = llvm::any_of(op->getUsers(), [&](Operation *user) {
        return known.lookup(user) != Frozen::Depends || !isWorthStoring(user);
      });
      if (!leaves)
        continue;
      for (OpResult result : op->getResults()) {
        if (result.use_empty())
          continue;
        OpBuilder builder(op);
        Value load = LoadParamOp::create(builder, op->getLoc(),
                                         result.getType(), store(result));
        result.replaceAllUsesWith(load);
      }
    }
    for (Operation *op : llvm::reverse(frozen))
      if (op->use_empty())
        op->erase();
  }

  /// Moves failures that depend only on frozen values to `@prepare`, unless it
  /// has the same failure already.
  void moveFailures(func::FuncOp function,
                    const DenseMap<Operation *, Frozen> &known) {
    for (auto failure : llvm::make_early_inc_range(function.getOps<FailIfOp>()))
      if (Operation *maker = failure.getFlag().getDefiningOp();
          maker && known.lookup(maker) == Frozen::Depends) {
        IRMapping mapping;
        mapping.map(failure.getFlag(), rebuild(failure.getFlag()));
        insert(failure->clone(mapping));
        failure.erase();
      }
  }

  /// Moves `op` to the end of `@prepare`, unless an equal op is there already;
  /// returns the op in `@prepare`.
  Operation *insert(Operation *op) {
    auto flags = OperationEquivalence::IgnoreLocations;
    SmallVector<Operation *, 1> &alike =
        copies[OperationEquivalence::computeHash(
            op, OperationEquivalence::directHashValue,
            OperationEquivalence::ignoreHashValue, flags)];
    for (Operation *other : alike)
      if (OperationEquivalence::isEquivalentTo(op, other, flags)) {
        op->destroy();
        return other;
      }
    alike.push_back(op);
    body->push_back(op);
    return op;
  }

  /// Computes `value` in `@prepare`; returns the parameter that stores it.
  FlatSymbolRefAttr store(Value value) {
    Value copy = rebuild(value);
    FlatSymbolRefAttr &symbol = stored[copy];
    if (symbol)
      return symbol;
    OpBuilder builder(getOperation().getBody(),
                      getOperation().getBody()->begin());
    auto name =
        StringAttr::get(&getContext(), "prepared." + Twine(stored.size() - 1));
    ParamOp::create(builder, value.getLoc(), name,
                    TypeAttr::get(value.getType()),
                    ParamKindAttr::get(&getContext(), ParamKind::Prepared),
                    UnitAttr(), SliceAttr(), DenseI64ArrayAttr(),
                    FlatSymbolRefAttr(), QuantizationAttr(), ElementsAttr());
    symbol = FlatSymbolRefAttr::get(name);
    copyOf[name] = copy;
    builder.setInsertionPointToEnd(body);
    StoreParamOp::create(builder, value.getLoc(), symbol, copy);
    return symbol;
  }

  /// A copy in `@prepare` of `value` and the ops it depends on; equal
  /// computations are shared between functions.
  Value rebuild(Value value) {
    // No recursion: a chain may be as long as the function.
    SmallVector<Value> pending = {value};
    while (!pending.empty()) {
      Value next = pending.back();
      size_t before = pending.size();
      if (!rebuilt.contains(next) && !isStored(next))
        for (Value operand : llvm::reverse(next.getDefiningOp()->getOperands()))
          if (!rebuilt.contains(operand))
            pending.push_back(operand);
      if (pending.size() > before)
        continue;
      pending.pop_back();
      if (!rebuilt.contains(next))
        rebuilt[next] = rebuildOnce(next);
    }
    return rebuilt[value];
  }

  /// Whether `value` is a parameter that stores a value of `@prepare`.
  bool isStored(Value value) const {
    auto load = value.getDefiningOp<LoadParamOp>();
    return load && copyOf.contains(load.getParam());
  }

  /// The same, where the operands have been rebuilt.
  Value rebuildOnce(Value value) {
    Operation *op = value.getDefiningOp();
    if (isStored(value))
      return copyOf.lookup(cast<LoadParamOp>(op).getParam());
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, rebuilt[operand]);
    return insert(op->clone(mapping))
        ->getResult(cast<OpResult>(value).getResultNumber());
  }

  llvm::StringSet<> written;
  bool savesFlash = false;
  func::FuncOp prepare;
  Block *body = nullptr;
  /// The parameter that stores a value of `@prepare`.
  llvm::DenseMap<Value, FlatSymbolRefAttr> stored;
  llvm::StringMap<Value> copyOf;
  /// The ops of `@prepare` by hash.
  llvm::DenseMap<size_t, SmallVector<Operation *, 1>> copies;
  /// The copies of values of the function that is split.
  llvm::DenseMap<Value, Value> rebuilt;
};
} // namespace
