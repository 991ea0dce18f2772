//===- FunctionPlan.cpp - plan of the memory of a function ----------------===//

#include "FunctionPlan.h"

#include "Pock/IR/AttributeNames.h"

#include "../Support/MemoryPlanner.h"
#include "LaunchGraph.h"
#include "Views.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::pock;

LogicalResult FunctionPlan::run(const Options &options) {
  if (failed(collect()) || failed(checkOverwrites()) ||
      failed(checkFailures()) || failed(placeReturned()))
    return failure();
  if (options.inPlace)
    reuseDying();
  llvm::SetVector<Place *> live;
  for (auto &place : arena)
    if (place->kind == Place::Arena)
      live.insert(place.get());
  SmallVector<Slot> slots;
  // Guards are multiples of the alignment.
  int64_t guard = llvm::alignTo(options.guard, options.alignment);
  for (Place *place : live) {
    Slot slot{place->bytes + 2 * guard, options.alignment, place->begin,
              place->end + 1};
    if (!options.reuse)
      slot.begin = 0, slot.end = launches.size();
    slots.push_back(slot);
  }
  Plan layout = mlir::pock::plan(slots);
  if (!mlir::pock::verify(slots, layout))
    return function.emitOpError("has no valid memory plan: this is a bug of "
                                "the planner");
  for (auto [place, offset] : llvm::zip(live, layout.offsets))
    place->offset = offset + guard;
  peak = layout.peak;
  bound = mlir::pock::lowerBound(slots);
  return success();
}

/// Records that launch number `now` uses the content of `place`.
static void use(Place &place, int64_t now) {
  place.end = now;
  if (!place.contents.empty())
    place.contents.back().end = now;
}

FailureOr<std::shared_ptr<Place>> FunctionPlan::find(Operation *user,
                                                     Value value) {
  // Copy first: an assignment may move the entries of the map.
  if (std::shared_ptr<Place> place = places.lookup(value))
    return place;
  return user->emitOpError("expected operands that are arguments, loaded, or "
                           "written by a launch before");
}

/// Whether a launch makes truth values as `result`: of i1, or packed into bytes
/// (`pock-form-kernels` says which).
static bool isMask(OpResult result) {
  if (getElementTypeOrSelf(result.getType()).isInteger(1))
    return true;
  auto masks =
      result.getOwner()->getAttrOfType<DenseI64ArrayAttr>(attribute::masks);
  return masks &&
         llvm::is_contained(masks.asArrayRef(), result.getResultNumber());
}

bool FunctionPlan::isInArena(BlockArgument argument) {
  auto names = function->getParentOfType<ModuleOp>()->getAttrOfType<ArrayAttr>(
      attribute::arenaInputs);
  auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                    attribute::name);
  return names && name && llvm::is_contained(names, Attribute(name));
}

/// Gives every value a place and arena places their lifetimes.
LogicalResult FunctionPlan::collect() {
  for (BlockArgument arg : function.getArguments()) {
    places[arg] = std::make_shared<Place>(
        Place{Place::Input, arg.getArgNumber(), bytesOf(arg.getType())});
    if (!isInArena(arg))
      continue;
    // The caller has written it before the first launch.
    *places[arg] = Place{Place::Arena,
                         0,
                         bytesOf(arg.getType()),
                         0,
                         0,
                         {Content{arg.getType(), 0, 0}}};
    arena.push_back(places[arg]);
  }
  SymbolTable symbols(function->getParentOfType<ModuleOp>());
  for (Operation &op : function.getBody().front()) {
    if (auto load = dyn_cast<LoadParamOp>(op)) {
      places[load] = std::make_shared<Place>(params.lookup(load.getParam()));
    } else if (auto view = dyn_cast<ReshapeOp>(op)) {
      FailureOr<std::shared_ptr<Place>> source = find(view, view.getInput());
      if (failed(source))
        return failure();
      places[view] = *source;
    } else if (auto launch = dyn_cast<LaunchOp>(op)) {
      int64_t now = launches.size();
      for (Value in : launch.getIns()) {
        FailureOr<std::shared_ptr<Place>> place = find(launch, in);
        if (failed(place))
          return failure();
        use(**place, now);
      }
      for (auto [out, result] :
           llvm::zip(launch.getOuts(), launch->getResults())) {
        if (out.getDefiningOp<tensor::EmptyOp>()) {
          places[result] = std::make_shared<Place>(
              Place{Place::Arena,
                    0,
                    bytesOf(result.getType()),
                    now,
                    now,
                    {Content{result.getType(), now, now, isMask(result)}}});
          arena.push_back(places[result]);
        } else {
          FailureOr<std::shared_ptr<Place>> overwritten = find(launch, out);
          if (failed(overwritten))
            return failure();
          use(**overwritten, now);
          (*overwritten)
              ->contents.push_back(
                  {result.getType(), now, now, isMask(result)});
          places[result] = *overwritten;
        }
      }
      std::shared_ptr<Place> workspace;
      if (int64_t bytes = workspaceBytes(launch, symbols)) {
        workspace = std::make_shared<Place>(Place{
            Place::Arena, 0, bytes, now, now, {Content{Type(), now, now}}});
        arena.push_back(workspace);
      }
      workspaces.push_back(workspace);
      launches.push_back(launch);
    } else if (auto failure = dyn_cast<FailIfOp>(op)) {
      FailureOr<std::shared_ptr<Place>> flag = find(failure, failure.getFlag());
      if (failed(flag))
        return mlir::failure();
      failures.push_back({failure, launches.size()});
      if (!launches.empty())
        use(**flag, launches.size() - 1);
    } else if (!isa<tensor::EmptyOp, StoreParamOp, func::ReturnOp>(op)) {
      return op.emitOpError("expected only launches, loads, stores and views "
                            "(pock-form-kernels)");
    }
  }
  return success();
}

LogicalResult FunctionPlan::checkOverwrites() {
  llvm::StringMap<LaunchOp> writer;
  for (LaunchOp launch : launches) {
    for (Value out : launch.getOuts())
      if (StringRef name = oldValueOf(out); !name.empty())
        writer.try_emplace(name, launch);
    for (Value in : launch.getIns()) {
      auto it = writer.find(oldValueOf(in));
      if (it == writer.end())
        continue;
      InFlightDiagnostic diag = launch.emitOpError("reads the old value of '")
                                << it->getKey() << "', which is overwritten";
      diag.attachNote(it->second.getLoc()) << "overwritten here";
      return diag;
    }
  }
  for (auto store : function.getOps<StoreParamOp>()) {
    auto it = params.find(store.getParam());
    FailureOr<std::shared_ptr<Place>> place = find(store, store.getValue());
    if (failed(place))
      return failure();
    if ((*place)->kind != it->second.kind ||
        (*place)->offset != it->second.offset)
      return store.emitOpError("expected the value to be written in place of "
                               "the parameter (pock-form-kernels)");
  }
  return success();
}

LogicalResult FunctionPlan::checkFailures() {
  auto writer = llvm::find_if(launches, writesParameter);
  int64_t first = std::distance(launches.begin(), writer);
  for (auto [failure, behind] : failures)
    if (first < behind) {
      InFlightDiagnostic diag = failure.emitOpError(
          "comes too late: a parameter is written in front of it");
      diag.attachNote(writer->getLoc()) << "written here";
      return diag;
    }
  return success();
}

/// Places results of the function in the caller's memory.
LogicalResult FunctionPlan::placeReturned() {
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    FailureOr<std::shared_ptr<Place>> place = find(terminator, value);
    if (failed(place))
      return failure();
    (*place)->kind = Place::Output;
    (*place)->offset = i;
  }
  return success();
}

/// Lets elementwise kernels write over an operand that dies there.
void FunctionPlan::reuseDying() {
  SymbolTable symbols(function->getParentOfType<ModuleOp>());
  DenseMap<Place *, SmallVector<Value, 2>> valuesAt;
  for (auto &[value, place] : places)
    valuesAt[place.get()].push_back(value);
  llvm::DenseSet<Place *> gone;
  for (auto [now, launch] : llvm::enumerate(launches)) {
    if (launch.getNumResults() != 1)
      continue;
    std::shared_ptr<Place> made = places.at(launch.getResult(0));
    if (made->kind != Place::Arena || made->begin != static_cast<int64_t>(now))
      continue;
    for (auto [i, in] : llvm::enumerate(launch.getIns())) {
      std::shared_ptr<Place> dying = places.at(in);
      if (dying->kind != Place::Arena || dying == made ||
          dying->end != static_cast<int64_t>(now) ||
          dying->bytes != made->bytes || !worksInPlace(launch, i, symbols))
        continue;
      dying->end = made->end;
      llvm::append_range(dying->contents, made->contents);
      SmallVector<Value, 2> moved = std::move(valuesAt[made.get()]);
      for (Value value : moved)
        places[value] = dying;
      llvm::append_range(valuesAt[dying.get()], moved);
      gone.insert(made.get());
      break;
    }
  }
  llvm::erase_if(arena, [&](const std::shared_ptr<Place> &place) {
    return gone.contains(place.get());
  });
}

SmallVector<const Place *> FunctionPlan::getArenaPlaces() const {
  SmallVector<const Place *> result;
  for (auto &place : arena)
    if (place->kind == Place::Arena)
      result.push_back(place.get());
  return result;
}

int64_t FunctionPlan::getLossIndex() const {
  return lossIndexOf(function, launches);
}

int64_t FunctionPlan::getSaved() const {
  int64_t loss = getLossIndex(), bytes = 0;
  for (const Place *place : getArenaPlaces())
    if (place->begin <= loss && place->end > loss)
      bytes += place->bytes;
  return bytes;
}

/// The live bytes at each launch, from their changes.
static SmallVector<int64_t> sumUp(ArrayRef<int64_t> change) {
  SmallVector<int64_t> bytes;
  int64_t sum = 0;
  for (int64_t more : change.drop_back())
    bytes.push_back(sum += more);
  return bytes;
}

int64_t FunctionPlan::getGradients() const {
  int64_t loss = getLossIndex();
  SmallVector<int64_t> change(launches.size() + 1, 0);
  for (const Place *place : getArenaPlaces()) {
    // The content that begins last counts: a value written over an activation
    // is a gradient.
    int64_t end = place->end;
    for (const Content &content : llvm::reverse(place->contents)) {
      int64_t begin = std::max(content.begin, place->begin);
      if (content.type && content.begin > loss && begin <= end) {
        change[begin] += place->bytes;
        change[end + 1] -= place->bytes;
      }
      end = std::min(end, content.begin - 1);
    }
  }
  int64_t most = 0;
  for (int64_t bytes : sumUp(change))
    most = std::max(most, bytes);
  return most;
}

int64_t FunctionPlan::getLargestWorkspace() const {
  int64_t most = 0;
  for (auto &workspace : workspaces)
    if (workspace)
      most = std::max(most, workspace->bytes);
  return most;
}

SmallVector<int64_t> FunctionPlan::getTimeline() const {
  SmallVector<int64_t> change(launches.size() + 1, 0);
  for (const Place *place : getArenaPlaces()) {
    change[place->begin] += place->bytes;
    change[place->end + 1] -= place->bytes;
  }
  return sumUp(change);
}
