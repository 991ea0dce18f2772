//===- PlanMemory.cpp - assign a place in memory to every value -----------===//
//
// Three parts: places of parameters; a FunctionPlan per function; the rewrite
// to buffers. Needs bufferized kernels (with known workspace) and functions of
// launches on tensors. Parameters and optimizer state are never in the arena.
// Every other value of a function is in the arena, unless it is an input or
// output, whose memory belongs to the caller.
//
//===----------------------------------------------------------------------===//

#include "LaunchGraph.h"
#include "ParameterPlaces.h"

#include "Pock/Backends/Shared/KernelCost.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/Target/TargetBackend.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Path.h"

namespace mlir::pock {
#define GEN_PASS_DEF_PLANMEMORY
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// The numbers of failures, from 1. Equal failures at the same place in the
/// model have one number, in all functions.
class FailureCodes {
public:
  int64_t of(FailIfOp failure) {
    auto key = std::pair<Attribute, Attribute>(failure->getAttrDictionary(),
                                               failure.getLoc());
    return codes.insert({key, codes.size() + 1}).first->second;
  }

  /// The entries of the manifest for them, in order.
  ArrayAttr describe(OpBuilder &builder) const {
    SmallVector<Attribute> entries;
    for (auto &[key, code] : codes) {
      auto location = LocationAttr(cast<LocationAttr>(key.second));
      NamedAttrList entry(cast<DictionaryAttr>(key.first));
      entry.set("module", builder.getStringAttr(layerOf(location)));
      if (auto file = location.findInstanceOf<FileLineColLoc>())
        entry.set("source", builder.getStringAttr(
                                llvm::sys::path::filename(file.getFilename()) +
                                ":" + Twine(file.getLine())));
      entries.push_back(entry.getDictionary(builder.getContext()));
    }
    return builder.getArrayAttr(entries);
  }

private:
  llvm::MapVector<std::pair<Attribute, Attribute>, int64_t> codes;
};

/// Rewrites one planned function to buffers.
class BufferRewriter {
public:
  /// Adds the function's failures to `codes`.
  BufferRewriter(func::FuncOp function, const FunctionPlan &plan,
                 const ParameterPlaces &params, FailureCodes &codes)
      : function(function), plan(plan), params(params), codes(codes) {}

  func::FuncOp run(OpBuilder &builder) {
    MLIRContext *context = builder.getContext();
    Location loc = function.getLoc();
    SmallVector<Type> types;
    SmallVector<Attribute> attrs;
    auto add = [&](Type type, StringRef key, StringRef name) {
      types.push_back(type);
      attrs.push_back(DictionaryAttr::get(
          context,
          {{StringAttr::get(context, key), StringAttr::get(context, name)}}));
    };
    auto bytes = [&](int64_t size) {
      return MemRefType::get({size}, builder.getI8Type());
    };
    auto buffer = [](Type type) {
      auto tensor = cast<RankedTensorType>(type);
      return MemRefType::get(tensor.getShape(), tensor.getElementType());
    };
    auto nameOf = [](DictionaryAttr dict) {
      auto name = dict ? dict.getAs<StringAttr>(attribute::name) : StringAttr();
      return name ? name.getValue() : StringRef();
    };
    add(bytes(params.constants), attribute::segment, "constants");
    add(bytes(params.state), attribute::segment, "state");
    add(bytes(plan.getPeak()), attribute::segment, "arena");
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      add(buffer(type), attribute::name, nameOf(function.getArgAttrDict(i)));
    for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
      add(buffer(type), attribute::output,
          nameOf(function.getResultAttrDict(i)));

    builder.setInsertionPoint(function);
    StringRef name = function.getSymName();
    fresh = func::FuncOp::create(
        builder, loc, name,
        builder.getFunctionType(types, builder.getI32Type()));
    fresh.setAllArgAttrs(ArrayAttr::get(context, attrs));
    Block *body = fresh.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    rewriteFailures(builder, 0);
    for (auto [i, launch] : llvm::enumerate(plan.getLaunches())) {
      rewrite(builder, launch, i);
      rewriteFailures(builder, i + 1);
    }
    Value zero = arith::ConstantIntOp::create(builder, loc, 0, 32);
    func::ReturnOp::create(builder, loc, zero);
    return fresh;
  }

private:
  void rewrite(OpBuilder &builder, LaunchOp launch, int64_t index) {
    SmallVector<Value> ins, outs;
    for (Value in : launch.getIns())
      ins.push_back(
          view(builder, launch.getLoc(), plan.placeOf(in), in.getType()));
    for (Value result : launch.getResults())
      outs.push_back(view(builder, launch.getLoc(), plan.placeOf(result),
                          result.getType()));
    if (const Place *workspace = plan.workspaceOf(index))
      outs.push_back(
          view(builder, launch.getLoc(), *workspace,
               RankedTensorType::get({workspace->bytes}, builder.getI8Type())));
    LaunchOp::create(builder, launch.getLoc(), TypeRange(),
                     launch.getCalleeAttr(), ins, outs);
  }

  /// The failures after `launches` launches.
  void rewriteFailures(OpBuilder &builder, int64_t launches) {
    for (auto [failure, behind] : plan.getFailures()) {
      if (behind != launches)
        continue;
      Value flag = failure.getFlag();
      auto fresh = cast<FailIfOp>(failure->clone());
      fresh.setCode(codes.of(failure));
      fresh.getFlagMutable().assign(
          view(builder, failure.getLoc(), plan.placeOf(flag), flag.getType()));
      builder.insert(fresh);
    }
  }

  /// The buffer at `place`, seen as `type`.
  Value view(OpBuilder &builder, Location loc, const Place &place,
             Type tensor) {
    auto shaped = cast<RankedTensorType>(tensor);
    auto type = MemRefType::get(shaped.getShape(), shaped.getElementType());
    if (place.kind == Place::Input || place.kind == Place::Output) {
      unsigned number = 3 + place.offset;
      if (place.kind == Place::Output)
        number += function.getNumArguments();
      Value arg = fresh.getArgument(number);
      if (arg.getType() == type)
        return arg;
      auto [strides, offset] = type.getStridesAndOffset();
      return memref::ReinterpretCastOp::create(builder, loc, type, arg, offset,
                                               type.getShape(), strides);
    }
    Value segment = fresh.getArgument(place.kind == Place::Constants ? 0
                                      : place.kind == Place::State   ? 1
                                                                     : 2);
    Value offset = arith::ConstantIndexOp::create(builder, loc, place.offset);
    return memref::ViewOp::create(builder, loc, type, segment, offset,
                                  ValueRange());
  }

  func::FuncOp function, fresh;
  const FunctionPlan &plan;
  const ParameterPlaces &params;
  FailureCodes &codes;
};

struct PlanMemory : public ::mlir::pock::impl::PlanMemoryBase<PlanMemory> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<TargetLimits> limits = getTargetLimits(module);
    if (failed(limits))
      return signalPassFailure();
    params.emplace(module, *limits);
    OpBuilder builder(&getContext());
    SmallVector<NamedAttribute> functions;
    int64_t arena = 0;
    FailureCodes codes;
    for (func::FuncOp function : entriesOf(module)) {
      FunctionPlan plan(function, params->places);
      if (failed(plan.run({params->alignment, inPlace, reuse, guard})))
        return signalPassFailure();
      arena = std::max(arena, plan.getPeak());
      functions.push_back(
          {function.getSymNameAttr(), describe(builder, function, plan)});
      BufferRewriter(function, plan, *params, codes).run(builder);
      function.erase();
    }
    if (failed(checkSegments(*limits, arena)))
      return signalPassFailure();
    makeInit(builder);
    auto number = [&](int64_t value) {
      return builder.getI64IntegerAttr(value);
    };
    module->setAttr(
        attribute::plan,
        builder.getDictionaryAttr(
            {{builder.getStringAttr("alignment"), number(params->alignment)},
             {builder.getStringAttr("constants"), number(params->constants)},
             {builder.getStringAttr("state"), number(params->state)},
             {builder.getStringAttr("arena"), number(arena)},
             {builder.getStringAttr("failures"), codes.describe(builder)},
             {builder.getStringAttr("functions"),
              builder.getDictionaryAttr(functions)},
             {builder.getStringAttr("tensors"), describeTensors(builder)}}));
  }

  /// Refuses segments that are larger than the target's memory objects.
  LogicalResult checkSegments(const TargetLimits &limits, int64_t arena) {
    if (!limits.segmentBytes)
      return success();
    std::pair<StringRef, int64_t> segments[] = {
        {"constants", params->constants},
        {"state", params->state},
        {"arena", arena}};
    for (auto [name, bytes] : segments)
      if (bytes > *limits.segmentBytes)
        return getOperation().emitError("the segment '")
               << name << "' needs " << bytes
               << " bytes, but the target has at most " << *limits.segmentBytes;
    return success();
  }

  /// A figure that an earlier pass has set on `function`; 0 if it is missing.
  static int64_t numberOn(func::FuncOp function, StringRef name) {
    auto attr = function->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getInt() : 0;
  }

  DictionaryAttr describe(OpBuilder &builder, func::FuncOp function,
                          const FunctionPlan &plan) {
    SymbolTable symbols(getOperation());
    SmallVector<Attribute> labels;
    int64_t recomputed = 0, flops = 0, flopsAgain = 0;
    for (LaunchOp launch : plan.getLaunches()) {
      int64_t work =
          costOf(symbols.lookup<func::FuncOp>(launch.getCallee())).flops;
      flops += work;
      if (launch->hasAttr(attribute::again)) {
        ++recomputed;
        flopsAgain += work;
      }
      labels.push_back(builder.getStringAttr(layerOf(launch.getLoc()) + " " +
                                             launch.getCallee()));
    }
    auto number = [&](int64_t value) {
      return builder.getI64IntegerAttr(value);
    };
    return builder.getDictionaryAttr(
        {{builder.getStringAttr("arena"), number(plan.getPeak())},
         {builder.getStringAttr("lower_bound"), number(plan.getLowerBound())},
         {builder.getStringAttr("saved"), number(plan.getSaved())},
         {builder.getStringAttr("gradients"), number(plan.getGradients())},
         {builder.getStringAttr("workspace"),
          number(plan.getLargestWorkspace())},
         {builder.getStringAttr("loss"), number(plan.getLossIndex())},
         {builder.getStringAttr("least_peak"),
          number(numberOn(function, attribute::leastPeak))},
         {builder.getStringAttr("recomputed"), number(recomputed)},
         {builder.getStringAttr("recomputed_flops"), number(flopsAgain)},
         {builder.getStringAttr("flops"), number(flops)},
         {builder.getStringAttr("inputs"),
          describeInputs(builder, function, plan)},
         {builder.getStringAttr("places"), describePlaces(builder, plan)},
         {builder.getStringAttr("labels"), builder.getArrayAttr(labels)},
         {builder.getStringAttr("timeline"),
          builder.getDenseI64ArrayAttr(plan.getTimeline())}});
  }

  /// The offsets of the inputs that are in the arena.
  static DictionaryAttr describeInputs(OpBuilder &builder,
                                       func::FuncOp function,
                                       const FunctionPlan &plan) {
    SmallVector<NamedAttribute> offsets;
    for (BlockArgument argument : function.getArguments())
      if (const Place &place = plan.placeOf(argument);
          place.kind == Place::Arena)
        offsets.push_back(builder.getNamedAttr(
            function
                .getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                              attribute::name)
                .getValue(),
            builder.getI64IntegerAttr(place.offset)));
    return builder.getDictionaryAttr(offsets);
  }

  /// The contents of the arena with their places and lifetimes.
  ArrayAttr describePlaces(OpBuilder &builder, const FunctionPlan &plan) {
    SmallVector<Attribute> entries;
    for (const Place *place : plan.getArenaPlaces())
      for (const Content &content : place->contents) {
        auto number = [&](StringRef key, int64_t value) {
          return builder.getNamedAttr(key, builder.getI64IntegerAttr(value));
        };
        SmallVector<NamedAttribute> entry = {
            number("offset", place->offset), number("bytes", place->bytes),
            number("begin", content.begin), number("end", content.end)};
        if (content.type)
          entry.push_back(
              builder.getNamedAttr("type", TypeAttr::get(content.type)));
        if (content.isMask)
          entry.push_back(builder.getNamedAttr("mask", builder.getUnitAttr()));
        if (&content != &place->contents.back())
          entry.push_back(
              builder.getNamedAttr("overwritten", builder.getUnitAttr()));
        entries.push_back(builder.getDictionaryAttr(entry));
      }
    return builder.getArrayAttr(entries);
  }

  ArrayAttr describeTensors(OpBuilder &builder) {
    SmallVector<Attribute> tensors;
    for (ParamOp param : getOperation().getOps<ParamOp>()) {
      auto found = params->places.find(param.getSymName());
      if (found == params->places.end()) {
        tensors.push_back(builder.getDictionaryAttr(
            {{builder.getStringAttr("name"), param.getSymNameAttr()}}));
        continue;
      }
      const Place &place = found->second;
      tensors.push_back(builder.getDictionaryAttr(
          {{builder.getStringAttr("name"), param.getSymNameAttr()},
           {builder.getStringAttr("segment"),
            builder.getStringAttr(place.kind == Place::State ? "state"
                                                             : "constants")},
           {builder.getStringAttr("offset"),
            builder.getI64IntegerAttr(place.offset)},
           {builder.getStringAttr("bytes"),
            builder.getI64IntegerAttr(place.bytes)}}));
    }
    return builder.getArrayAttr(tensors);
  }

  /// `@init`: zeroes optimizer state, which ends the segment `state`.
  void makeInit(OpBuilder &builder) {
    Location loc = getOperation().getLoc();
    builder.setInsertionPointToEnd(getOperation().getBody());
    auto [state, optimizer] = std::pair(params->state, params->optimizer);
    auto type = MemRefType::get({state}, builder.getI8Type());
    auto init = func::FuncOp::create(
        builder, loc, "init",
        builder.getFunctionType({type}, builder.getI32Type()));
    init.setArgAttr(0, attribute::segment, builder.getStringAttr("state"));
    builder.setInsertionPointToEnd(init.addEntryBlock());
    if (state > optimizer) {
      Value offset = arith::ConstantIndexOp::create(builder, loc, optimizer);
      Value part = memref::ViewOp::create(
          builder, loc,
          MemRefType::get({state - optimizer}, builder.getI8Type()),
          init.getArgument(0), offset, ValueRange());
      func::FuncOp zero = makeZeroKernel(cast<MemRefType>(part.getType()));
      LaunchOp::create(builder, loc, TypeRange(), zero.getSymName(),
                       ValueRange(), part);
    }
    Value ok = arith::ConstantIntOp::create(builder, loc, 0, 32);
    func::ReturnOp::create(builder, loc, ok);
  }

  /// A kernel that zeroes a buffer.
  func::FuncOp makeZeroKernel(MemRefType type) {
    Location loc = getOperation().getLoc();
    OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
    auto kernel = func::FuncOp::create(builder, loc, "zero_state",
                                       builder.getFunctionType({type}, {}));
    kernel.setPrivate();
    kernel->setAttr(attribute::kernel, builder.getUnitAttr());
    builder.setInsertionPointToEnd(kernel.addEntryBlock());
    Value zero = arith::ConstantIntOp::create(builder, loc, 0, 8);
    linalg::FillOp::create(builder, loc, ValueRange{zero},
                           ValueRange{kernel.getArgument(0)});
    func::ReturnOp::create(builder, loc);
    return kernel;
  }

  std::optional<ParameterPlaces> params;
};
} // namespace
