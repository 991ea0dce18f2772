//===- FormKernels.cpp - group ops into kernels and outline them ----------===//
//
// KernelGroups divides ops into groups; this pass makes the kernels and the
// list of launches. Needs functions of one block without pock.sparse_update.
//
//===----------------------------------------------------------------------===//

#include "KernelGroups.h"
#include "Views.h"

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include <cassert>

namespace mlir::pock {
#define GEN_PASS_DEF_FORMKERNELS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// A name that describes the kernel: `conv_add_relu`.
std::string nameOf(ArrayRef<Operation *> ops) {
  constexpr unsigned limit = 4;
  llvm::SmallSetVector<StringRef, 8> names;
  for (Operation *op : ops)
    if (!isMaskPart(op) || op == ops.back())
      names.insert(op->getName().stripDialect());
  std::string name;
  for (auto [i, part] : llvm::enumerate(names)) {
    if (i == limit)
      break;
    name += (i ? "_" : "") + part.str();
  }
  return name.empty() ? "copy" : name;
}

/// Turns one function into a list of launches.
class Outliner {
public:
  Outliner(func::FuncOp function, SymbolTable &symbols, bool reorder,
           unsigned mostOps)
      : function(function), symbols(symbols),
        groups(function, reorder, mostOps), builder(function.getContext()) {}

  void run() {
    Block &old = function.getBody().front();
    Block *fresh = new Block();
    function.getBody().push_back(fresh);
    for (BlockArgument arg : old.getArguments())
      mapping.map(arg, fresh->addArgument(arg.getType(), arg.getLoc()));
    builder.setInsertionPointToEnd(fresh);
    for (auto failure : old.getOps<FailIfOp>())
      if (!isMade(failure.getFlag()))
        finishFailure(failure);
    for (KernelGroup *group : groups.getGroups()) {
      outline(*group);
      finishLoss(old, *group);
      for (Operation *op : group->ops)
        for (Value result : op->getResults())
          forEachReader(result, [&](Operation *reader) {
            if (auto failure = dyn_cast<FailIfOp>(reader))
              finishFailure(failure);
          });
    }
    // Returned values are read before a parameter is overwritten.
    Operation *terminator = old.getTerminator();
    SmallVector<Value> returned;
    for (auto [i, value] : llvm::enumerate(terminator->getOperands()))
      returned.push_back(i == 0 && loss ? loss : finishReturn(value));
    finishStores(old);
    func::ReturnOp::create(builder, terminator->getLoc(), returned);
    old.dropAllReferences();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(old))) {
      op.dropAllUses();
      op.erase();
    }
    old.erase();
  }

private:
  /// `value` in the new body; a view or load is made at its first use.
  Value materialize(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    assert((op && isa<LoadParamOp, ReshapeOp>(op)) &&
           "launches come in the order of their operands");
    for (Value operand : op->getOperands())
      materialize(operand);
    return builder.clone(*op, mapping)->getResult(0);
  }

  /// The store that makes `value` the new value of a parameter, if it has one.
  static StoreParamOp storeOf(Value value) {
    for (Operation *user : value.getUsers())
      if (auto store = dyn_cast<StoreParamOp>(user))
        return store;
    return {};
  }

  void outline(KernelGroup &group) {
    llvm::SetVector<Value> ins;
    llvm::SmallPtrSet<Operation *, 16> members(group.ops.begin(),
                                               group.ops.end());
    SmallVector<Value> outs;
    SmallVector<Operation *> ops;
    llvm::SmallPtrSet<Operation *, 4> repeated;
    for (Operation *op : group.ops) {
      for (Value operand : op->getOperands()) {
        Operation *source = operand.getDefiningOp();
        if (source && isRepeated(source)) {
          repeat(source, repeated, ops);
        } else if (!source || !members.contains(source)) {
          ins.insert(operand);
        }
      }
      ops.push_back(op);
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) {
              return !members.contains(user);
            }))
          outs.push_back(result);
    }
    // Masks first, so that nothing stands between a product and its epilogue.
    llvm::stable_sort(ops, [](Operation *a, Operation *b) {
      return isMaskPart(a) && !isMaskPart(b);
    });
    // The destination of an out: the parameter whose new value it is, or a new
    // tensor.
    SmallVector<Value> destinations;
    IRMapping inPlace;
    for (Value out : outs) {
      StoreParamOp store = storeOf(out);
      if (store &&
          groups.mayOverwrite(group, store.getParam(), group.position)) {
        Value load = takeOldValue(store.getParam(), out, ins, ops, inPlace);
        if (load) {
          destinations.push_back(materialize(load));
        } else {
          destinations.push_back(LoadParamOp::create(
              builder, out.getLoc(), out.getType(), store.getParamAttr()));
        }
        done.insert(store);
        continue;
      }
      destinations.push_back(createEmpty(out));
    }
    func::FuncOp kernel =
        launch(ops, ins.getArrayRef(), outs, destinations, inPlace);
    if (group.byChannels)
      kernel->setAttr(attribute::channelBlocks, builder.getUnitAttr());
  }

  /// Removes the operands that a kernel reads from `param` from `ins`, because
  /// it finds the old value in `out` before it overwrites it. Views of it are
  /// made in the kernel, before `ops`. Returns the value on entry; null if the
  /// kernel does not read it.
  static Value takeOldValue(StringRef param, Value out,
                            llvm::SetVector<Value> &ins,
                            SmallVectorImpl<Operation *> &ops,
                            IRMapping &inPlace) {
    Value old;
    llvm::SmallSetVector<Operation *, 2> views;
    for (Value in : llvm::to_vector(ins)) {
      auto load = storageOf(in).getDefiningOp<LoadParamOp>();
      if (!load || load.getParam() != param)
        continue;
      old = load;
      inPlace.map(old, out);
      ins.remove(in);
      SmallVector<Operation *> chain;
      for (; in != old; in = chain.back()->getOperand(0))
        chain.push_back(in.getDefiningOp());
      views.insert(chain.rbegin(), chain.rend());
    }
    ops.insert(ops.begin(), views.begin(), views.end());
    return old;
  }

  /// Makes and returns the kernel of `ops`, and makes its launch; maps `outs`
  /// to the results. `inPlace` maps an out to the value that is its old
  /// content.
  func::FuncOp launch(ArrayRef<Operation *> ops, ArrayRef<Value> ins,
                      ArrayRef<Value> outs, ArrayRef<Value> destinations,
                      const IRMapping &inPlace) {
    MLIRContext *context = function.getContext();
    SmallVector<Location> locs;
    for (Operation *op : ops)
      if (!isRepeated(op))
        locs.push_back(op->getLoc());
    if (locs.empty())
      locs.push_back(outs.front().getLoc());
    Location loc = FusedLoc::get(context, locs);

    SmallVector<Type> arguments, results;
    for (Value in : ins)
      arguments.push_back(in.getType());
    for (Value out : outs)
      results.push_back(out.getType());
    llvm::append_range(arguments, results);
    auto kernel = func::FuncOp::create(
        loc, nameOf(ops), FunctionType::get(context, arguments, results));
    kernel.setPrivate();
    kernel->setAttr(attribute::kernel, UnitAttr::get(context));
    symbols.insert(kernel);
    Block *body = kernel.addEntryBlock();
    IRMapping inner;
    for (auto [i, in] : llvm::enumerate(ins))
      inner.map(in, body->getArgument(i));
    for (auto [i, out] : llvm::enumerate(outs)) {
      kernel.setArgAttr(ins.size() + i, "bufferization.writable",
                        BoolAttr::get(context, true));
      for (auto [load, target] : inPlace.getValueMap())
        if (target == out)
          inner.map(load, body->getArgument(ins.size() + i));
    }
    OpBuilder inside = OpBuilder::atBlockEnd(body);
    for (Operation *op : ops)
      inside.clone(*op, inner);
    SmallVector<Value> values;
    for (Value out : outs)
      values.push_back(inner.lookup(out));
    func::ReturnOp::create(inside, loc, values);

    SmallVector<Value> operands;
    for (Value in : ins)
      operands.push_back(materialize(in));
    auto op = LaunchOp::create(builder, loc, results,
                               FlatSymbolRefAttr::get(kernel.getSymNameAttr()),
                               operands, destinations);
    markMasks(op, outs);
    for (auto [out, result] : llvm::zip(outs, op.getResults()))
      mapping.map(out, result);
    return kernel;
  }

  /// Marks the results of `launch` that are packed truth values: their type is
  /// that of other bytes.
  static void markMasks(LaunchOp launch, ArrayRef<Value> outs) {
    SmallVector<int64_t> masks;
    for (auto [i, out] : llvm::enumerate(outs))
      if (out.getDefiningOp<PackBitsOp>())
        masks.push_back(i);
    if (!masks.empty())
      launch->setAttr(attribute::masks,
                      DenseI64ArrayAttr::get(launch.getContext(), masks));
  }

  /// Appends `op`, which every kernel recomputes, and the ops it is a view of.
  static void repeat(Operation *op,
                     llvm::SmallPtrSetImpl<Operation *> &repeated,
                     SmallVectorImpl<Operation *> &ops) {
    if (!repeated.insert(op).second)
      return;
    for (Value operand : op->getOperands())
      repeat(operand.getDefiningOp(), repeated, ops);
    ops.push_back(op);
  }

  /// The result that `value` was just mapped to, for one use; another use gets
  /// a result of its own.
  Value takeResult(Value value) {
    Value result = mapping.lookup(value);
    mapping.erase(value);
    return result;
  }

  /// Makes a launch that copies `value` to `destination`.
  Value copy(Value value, Value destination) {
    Operation *source = value.getDefiningOp();
    if (source && isRepeated(source)) {
      llvm::SmallPtrSet<Operation *, 4> repeated;
      SmallVector<Operation *> ops;
      repeat(source, repeated, ops);
      launch(ops, {}, {value}, {destination}, {});
      return takeResult(value);
    }
    Value known = materialize(value);
    launch({}, {value}, {value}, {destination}, {});
    Value result = mapping.lookup(value);
    mapping.map(value, known);
    return result;
  }

  /// A store, and the parameter whose old value it stores, if any.
  struct Pending {
    StoreParamOp store;
    StringRef read;
  };

  /// Makes the stores of all parameters. A parameter that gets the old value of
  /// another is set before that is overwritten; in a cycle, one value is copied
  /// first.
  void finishStores(Block &old) {
    SmallVector<Pending> pending;
    for (auto store : old.getOps<StoreParamOp>()) {
      if (done.contains(store)) {
        create(store, mapping.lookup(store.getValue()));
        continue;
      }
      auto load = storageOf(store.getValue()).getDefiningOp<LoadParamOp>();
      StringRef read = load ? load.getParam() : StringRef();
      if (read != store.getParam()) // else nothing changes
        pending.push_back({store, read});
    }
    while (!pending.empty()) {
      auto *next = llvm::find_if(pending, [&](Pending candidate) {
        return llvm::none_of(pending, [&](Pending other) {
          return other.store != candidate.store &&
                 other.read == candidate.store.getParam();
        });
      });
      if (next == pending.end()) {
        keepAside(pending);
        continue;
      }
      StoreParamOp store = next->store;
      create(store, copy(store.getValue(),
                         LoadParamOp::create(builder, store.getLoc(),
                                             store.getValue().getType(),
                                             store.getParamAttr())));
      pending.erase(next);
    }
  }

  /// Makes a copy of the first old value in `pending`, and lets its stores use
  /// it.
  void keepAside(SmallVectorImpl<Pending> &pending) {
    Value value = llvm::find_if(pending, [](const Pending &other) {
                    return !other.read.empty();
                  })->store.getValue();
    mapping.map(value, copy(value, createEmpty(value)));
    for (Pending &other : pending)
      if (other.store.getValue() == value)
        other.read = StringRef();
  }

  void create(StoreParamOp old, Value value) {
    StoreParamOp::create(builder, old.getLoc(), old.getParamAttr(), value);
  }

  Value createEmpty(Value like) {
    return tensor::EmptyOp::create(builder, like.getLoc(), shapeOf(like),
                                   getElementTypeOrSelf(like));
  }

  /// Whether a kernel makes `value`.
  bool isMade(Value value) const {
    Operation *maker = storageOf(value).getDefiningOp();
    return maker && groups.lookup(maker);
  }

  /// Makes the check of a flag that a kernel makes.
  void finishFailure(FailIfOp failure) {
    Value flag = failure.getFlag();
    if (isMade(flag))
      flag = materialize(flag);
    else
      flag = copy(flag, createEmpty(flag));
    auto fresh = cast<FailIfOp>(failure->clone());
    fresh.getFlagMutable().assign(flag);
    builder.insert(fresh);
  }

  /// If `group` makes the first result of the function and a failure follows,
  /// returns that result in the caller's memory: the caller reads the loss even
  /// if the function fails after it.
  void finishLoss(Block &old, const KernelGroup &group) {
    Operation *terminator = old.getTerminator();
    if (terminator->getNumOperands() == 0)
      return;
    Value value = terminator->getOperand(0);
    Operation *maker = storageOf(value).getDefiningOp();
    if (llvm::is_contained(group.ops, maker) &&
        llvm::any_of(old.getOps<FailIfOp>(), [&](FailIfOp failure) {
          return maker->isBeforeInBlock(failure);
        }))
      loss = finishReturn(value);
  }

  /// `value` as a separate result, which can be placed in the caller's memory.
  Value finishReturn(Value value) {
    Value known = mapping.lookupOrNull(value);
    auto launch = known ? known.getDefiningOp<LaunchOp>() : LaunchOp();
    if (launch && !storeOf(value) && seen.insert(known).second)
      return known;
    if (cast<ShapedType>(value.getType()).getNumElements() == 0)
      return returnEmpty(value);
    return copy(value, createEmpty(value));
  }

  /// A result without entries, made by an empty kernel.
  Value returnEmpty(Value value) {
    IRMapping asItIs;
    asItIs.map(value, value);
    launch({}, {}, {value}, {createEmpty(value)}, asItIs);
    return takeResult(value);
  }

  func::FuncOp function;
  SymbolTable &symbols;
  KernelGroups groups;
  OpBuilder builder;
  IRMapping mapping;
  llvm::SmallPtrSet<Operation *, 16> done;
  /// Launch results that are returned; and the first of them, if it was made
  /// before a failure.
  llvm::SmallPtrSet<Value, 4> seen;
  Value loss;
};

struct FormKernels : public ::mlir::pock::impl::FormKernelsBase<FormKernels> {
  using Base::Base;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (func::FuncOp function : entriesOf(getOperation())) {
      if (failed(verifyGroupable(function)))
        return signalPassFailure();
      Outliner(function, symbols, reorder, mostOps).run();
    }
  }
};
} // namespace
