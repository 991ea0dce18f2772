//===- FitMemory.cpp - repeat launches to fit a limit ---------------------===//
//
// Needs functions of launches on tensors in a good order, kernels with known
// workspace, and the module attribute `pock.memory_limit`. The search in
// lib/Support/Recompute.h selects the launches to repeat. Then all launches are
// ordered again. The memory plan decides whether the limit is met: if its arena
// is larger than the maximum of live bytes, the search aims lower. Guarantees
// the same results: a repeated launch is the same kernel on the same operands.
//
//===----------------------------------------------------------------------===//

#include "../Support/Recompute.h"
#include "LaunchGraph.h"
#include "ParameterPlaces.h"
#include "Views.h"

#include "Pock/Backends/Shared/KernelCost.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/DiagnosticFacts.h"
#include "Pock/IR/Kernels.h"
#include "Pock/Target/TargetBackend.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FITMEMORY
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// A function that must fit.
class Fitter {
public:
  Fitter(func::FuncOp function, const SymbolTable &symbols,
         const ParameterPlaces &params, const FunctionPlan::Options &options,
         bool reorder)
      : function(function), symbols(symbols), params(params), options(options),
        reorder(reorder), graph(function, symbols), costs(costsOf(graph)) {
    if (!options.inPlace)
      for (Task &task : graph.tasks)
        task.inPlace.clear();
  }

  /// Rewrites the function so that its arena has at most `limit` bytes; if that
  /// is impossible, to the smallest arena found. Returns the size of the arena.
  FailureOr<int64_t> run(int64_t limit) {
    FailureOr<Variant> given = measure(function);
    if (failed(given) || given->arena <= limit)
      return failed(given) ? FailureOr<int64_t>() : given->arena;
    Variant best = *given;
    if (failed(approach(limit, best)))
      return failure();
    if (best.arena > limit) {
      // The reported minimum must be reproducible: compiling with that limit
      // must succeed. So this search may not depend on the limit, only stop at
      // it.
      replace(best, *given);
      FailureOr<Variant> least = attempt(0);
      if (failed(least))
        return failure();
      keepSmaller(best, *least);
      for (int64_t last = given->arena;
           limit < best.arena && best.arena < last;) {
        last = best.arena;
        if (failed(approach(last - 1, best)))
          return failure();
      }
    }
    if (best.function != function) {
      if (Attribute bound = best.function->getAttr(attribute::leastPeak))
        function->setAttr(attribute::leastPeak, bound);
      function.getBody().takeBody(best.function.getBody());
      best.function.erase();
    }
    return best.arena;
  }

private:
  static constexpr int attempts = 8;

  /// The function, or a copy with repetitions.
  struct Variant {
    func::FuncOp function;
    int64_t arena = 0;
    /// Whether the maximum of live bytes is at most the aim.
    bool reached = false;
  };

  /// Erases the function of `variant`.
  void replace(Variant &variant, const Variant &other) {
    if (variant.function != function && variant.function != other.function)
      variant.function.erase();
    variant = other;
  }

  void keepSmaller(Variant &best, Variant other) {
    if (other.arena < best.arena)
      replace(best, other);
    else
      other.function.erase();
  }

  FailureOr<Variant> measure(func::FuncOp candidate) const {
    FunctionPlan plan(candidate, params.places);
    if (failed(plan.run(options)))
      return failure();
    return Variant{candidate, plan.getPeak()};
  }

  /// The variant with at most `aim` live bytes, or the one with the fewest.
  FailureOr<Variant> attempt(int64_t aim) {
    Recomputation found = recompute(
        graph.tasks, graph.buffers,
        llvm::to_vector(llvm::seq<int>(0, graph.launches.size())), costs, aim);
    func::FuncOp copy = apply(found);
    FailureOr<Variant> variant = measure(copy);
    if (failed(variant))
      copy.erase();
    else
      variant->reached = found.peak <= aim;
    return variant;
  }

  /// Looks for a variant whose arena has at most `limit` bytes.
  LogicalResult approach(int64_t limit, Variant &best) {
    int64_t aim = limit;
    for (int left = attempts; left > 0; --left) {
      FailureOr<Variant> variant = attempt(aim);
      if (failed(variant))
        return failure();
      // Lower the aim by the bytes that the plan loses to gaps.
      aim -= std::max<int64_t>(variant->arena - limit, 1);
      bool reached = variant->reached;
      keepSmaller(best, *variant);
      if (best.arena <= limit || !reached)
        break;
    }
    return success();
  }

  /// The cost of repeating each launch: floating-point operations, plus the
  /// operations that would take as long as moving its bytes.
  SmallVector<TaskCost> costsOf(const LaunchGraph &graph) const {
    constexpr int64_t operationsPerByte = 2;
    SmallVector<TaskCost> costs;
    for (LaunchOp launch : graph.launches) {
      auto kernel = symbols.lookup<func::FuncOp>(launch.getCallee());
      KernelCost cost = costOf(kernel);
      costs.push_back(mayRunAgain(launch)
                          ? cost.flops + operationsPerByte * (cost.bytesRead +
                                                              cost.bytesWritten)
                          : -1);
    }
    return costs;
  }

  /// Whether `launch` makes only new values, none of which is returned.
  static bool mayRunAgain(LaunchOp launch) {
    return llvm::all_of(launch.getOuts(),
                        [](Value out) {
                          return out.getDefiningOp<tensor::EmptyOp>();
                        }) &&
           llvm::none_of(launch.getResults(), [](Value result) {
             return llvm::any_of(
                 result.getUsers(),
                 llvm::IsaPred<func::ReturnOp, StoreParamOp, FailIfOp>);
           });
  }

  /// A copy of the function with the repetitions of `found`, in the best order
  /// of all launches unless reordering is disabled.
  func::FuncOp apply(const Recomputation &found) {
    Order order;
    if (reorder)
      order = findOrder(found.tasks, found.buffers, found.order);
    else
      order.tasks = found.order;
    // The copy must be in the same module, so that its symbols resolve.
    OpBuilder builder(function);
    auto copy = func::FuncOp::create(builder, function.getLoc(),
                                     (function.getName() + ".variant").str(),
                                     function.getFunctionType());
    Block *body = copy.addEntryBlock();
    Rewriter rewriter(graph, found, body);
    rewriter.shared.map(function.getArguments(), copy.getArguments());
    for (int task : order.tasks)
      rewriter.launch(task);
    rewriter.finish(function.getBody().front());
    if (reorder)
      copy->setAttr(attribute::leastPeak,
                    builder.getI64IntegerAttr(order.bound));
    return copy;
  }

  /// Copies launches; each value that a launch reads belongs to a buffer.
  struct Rewriter {
    Rewriter(const LaunchGraph &graph, const Recomputation &found, Block *body)
        : graph(graph), found(found), builder(OpBuilder::atBlockEnd(body)) {}

    const LaunchGraph &graph;
    const Recomputation &found;
    OpBuilder builder;
    /// Values that no launch makes: inputs, loads, views of them.
    IRMapping shared;
    /// The new value of each buffer.
    DenseMap<int, Value> made;

    void launch(int task) {
      int original = found.taskOf[task];
      LaunchOp op = graph.launches[original];
      // Buffers in the order of the original's reads; repeated launches read
      // others.
      DenseMap<Value, int> bufferOf;
      for (auto [from, to] :
           llvm::zip(graph.tasks[original].reads, found.tasks[task].reads))
        bufferOf[graph.values[from]] = to;
      IRMapping mapping;
      for (Value operand : op->getOperands())
        mapping.map(operand, copy(operand, bufferOf));
      auto again = cast<LaunchOp>(builder.clone(*op, mapping));
      if (task != original)
        again->setAttr(attribute::again, builder.getUnitAttr());
      for (auto [buffer, original, result] : llvm::zip(
               found.tasks[task].writes, op.getResults(), again.getResults())) {
        made[buffer] = result;
        bufferOf[original] = buffer;
      }
      forEachFailure(op, [&](FailIfOp failure) {
        IRMapping flag;
        flag.map(failure.getFlag(), copy(failure.getFlag(), bufferOf));
        builder.clone(*failure, flag);
      });
    }

    /// `value` in the copy; for the result of a launch, the current value of
    /// its buffer.
    Value copy(Value value, const DenseMap<Value, int> &bufferOf) {
      if (auto buffer = bufferOf.find(value); buffer != bufferOf.end())
        return made.at(buffer->second);
      if (Value known = shared.lookupOrNull(value))
        return known;
      Operation *op = value.getDefiningOp();
      IRMapping mapping;
      for (Value operand : op->getOperands())
        mapping.map(operand, copy(operand, bufferOf));
      Value result = builder.clone(*op, mapping)->getResult(0);
      // There is one view of a launch's result per repetition; a destination is
      // used once.
      if (!storageOf(value).getDefiningOp<LaunchOp>() &&
          !isa<tensor::EmptyOp>(op))
        shared.map(value, result);
      return result;
    }

    /// Copies stores and the terminator: they read the first version of a
    /// value.
    void finish(Block &original) {
      DenseMap<Value, int> first;
      for (auto [buffer, value] : llvm::enumerate(graph.values))
        first[value] = buffer;
      for (Operation &op : original) {
        if (!isa<StoreParamOp>(op) && !op.hasTrait<OpTrait::IsTerminator>())
          continue;
        IRMapping mapping;
        for (Value operand : op.getOperands())
          mapping.map(operand, copy(operand, first));
        builder.clone(op, mapping);
      }
    }
  };

  func::FuncOp function;
  const SymbolTable &symbols;
  const ParameterPlaces &params;
  FunctionPlan::Options options;
  bool reorder;
  LaunchGraph graph;
  SmallVector<TaskCost> costs;
};

struct FitMemory : public ::mlir::pock::impl::FitMemoryBase<FitMemory> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto limit = module->getAttrOfType<IntegerAttr>(attribute::memoryLimit);
    if (!limit)
      return;
    FailureOr<TargetLimits> limits = getTargetLimits(module);
    if (failed(limits))
      return signalPassFailure();
    SymbolTable symbols(module);
    ParameterPlaces params(module, *limits);
    int64_t stored = params.constants + params.state;
    int64_t arena = 0;
    func::FuncOp largest;
    for (func::FuncOp function : entriesOf(module)) {
      FailureOr<int64_t> needed =
          Fitter(function, symbols, params, optionsOf(params), reorder)
              .run(limit.getInt() - stored);
      if (failed(needed))
        return signalPassFailure();
      remark::analysis(function.getLoc(), remark::RemarkOpts::name("arena")
                                              .category("pock-fit-memory")
                                              .function(function.getSymName()))
          << remark::metric("arena", *needed)
          << remark::metric("limit", limit.getInt() - stored);
      if (*needed > arena) {
        arena = *needed;
        largest = function;
      }
    }
    if (stored + arena > limit.getInt()) {
      explain(limit.getInt(), params, arena, largest);
      return signalPassFailure();
    }
  }

  /// How pock-plan-memory will place values.
  FunctionPlan::Options optionsOf(const ParameterPlaces &params) const {
    return {params.alignment, inPlace, reuse, guard};
  }

  /// The live values at the peak of the arena, the largest first.
  static SmallVector<const Place *> findPeak(const FunctionPlan &plan) {
    SmallVector<int64_t> live = plan.getTimeline();
    int64_t peak = std::distance(live.begin(), llvm::max_element(live));
    SmallVector<const Place *> found;
    for (const Place *place : plan.getArenaPlaces())
      if (place->begin <= peak && peak <= place->end)
        found.push_back(place);
    llvm::stable_sort(found, [](const Place *a, const Place *b) {
      return a->bytes > b->bytes;
    });
    return found;
  }

  /// Emits the error that the limit cannot be met, with the values at the peak.
  void explain(int64_t limit, const ParameterPlaces &params, int64_t arena,
               func::FuncOp function) {
    int64_t stored = params.constants + params.state;
    std::string reason =
        llvm::formatv("the smallest that fits is {0} bytes: parameters and "
                      "optimizer state {1}, arena {2}",
                      stored + arena, stored, arena);
    InFlightDiagnostic diag = getOperation().emitError("memory limit of ")
                              << limit << " bytes: " << reason;
    Builder builder(&getContext());
    SmallVector<Attribute> tensors;
    for (auto &[loc, bytes, what] : findLargest(function, params)) {
      diag.attachNote(loc) << bytes << " bytes " << what;
      tensors.push_back(builder.getArrayAttr(
          {builder.getI64IntegerAttr(bytes), builder.getStringAttr(what)}));
    }
    auto number = [&](StringRef name, int64_t value) {
      return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
    };
    addFacts(diag, kMemoryLimitFacts,
             {number("limit", limit), number("smallest", stored + arena),
              builder.getNamedAttr("reason", builder.getStringAttr(reason)),
              builder.getNamedAttr("tensors", builder.getArrayAttr(tensors))});
  }

  /// A value of the arena: where it is computed, its bytes, what it is.
  using Large = std::tuple<Location, int64_t, std::string>;

  /// The largest values that live when most bytes of a function do.
  SmallVector<Large> findLargest(func::FuncOp function,
                                 const ParameterPlaces &params) const {
    constexpr size_t most = 8;
    SmallVector<Large> found;
    if (!function)
      return found;
    FunctionPlan plan(function, params.places);
    if (failed(plan.run(optionsOf(params))))
      return found;
    SmallVector<const Place *> alive = findPeak(plan);
    for (const Place *place : ArrayRef(alive).take_front(most)) {
      LaunchOp launch = plan.getLaunches()[place->begin];
      std::string what = place->contents.front().type ? "" : "of workspace ";
      what += ("of " + launch.getCallee()).str();
      if (std::string layer = layerOf(launch.getLoc()); !layer.empty())
        what += " in " + layer;
      found.emplace_back(launch.getLoc(), place->bytes, std::move(what));
    }
    return found;
  }
};
} // namespace
