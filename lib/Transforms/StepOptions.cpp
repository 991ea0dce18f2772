//===- StepOptions.cpp - options of a training step -----------------------===//

#include "StepOptions.h"

#include "Pock/IR/AttributeNames.h"

using namespace mlir;
using namespace mlir::pock;

/// Reads a number, if it is there.
static std::optional<double> readNumber(ModuleOp module, StringRef name) {
  auto number = module->getAttrOfType<FloatAttr>(name);
  return number ? std::optional(number.getValueAsDouble()) : std::nullopt;
}

/// Reads the optimizers; the dialect has verified the entries of an array.
static LogicalResult readOptimizers(ModuleOp module, StepOptions &options) {
  Attribute attribute = module->getAttr(attribute::optimizer);
  if (auto single = dyn_cast_or_null<OptimizerAttrInterface>(attribute))
    options.optimizers.push_back(single);
  else if (auto array = dyn_cast_or_null<ArrayAttr>(attribute))
    llvm::append_range(options.optimizers,
                       array.getAsRange<OptimizerAttrInterface>());
  if (options.optimizers.empty())
    return module.emitError("expected the module attribute 'pock.optimizer'");
  return success();
}

static LogicalResult readGroups(ModuleOp module, StepOptions &options) {
  options.groups =
      module->getAttrOfType<DictionaryAttr>(attribute::optimizerGroup);
  if (!options.groups)
    return success();
  int64_t count = options.optimizers.size();
  for (NamedAttribute entry : options.groups) {
    auto group = dyn_cast<IntegerAttr>(entry.getValue());
    if (!group || !group.getType().isSignlessInteger() || group.getInt() < 0 ||
        group.getInt() >= count)
      return module.emitError("expected the group of '")
             << entry.getName().strref() << "' to be from 0 to " << count - 1
             << ", but got " << entry.getValue();
    if (!module.lookupSymbol<ParamOp>(entry.getName()))
      return module.emitError("'")
             << attribute::optimizerGroup << "' names '"
             << entry.getName().strref() << "', which is no pock.param";
  }
  return success();
}

FailureOr<StepOptions> StepOptions::get(ModuleOp module) {
  StepOptions options;
  if (failed(readOptimizers(module, options)) ||
      failed(readGroups(module, options)))
    return failure();
  options.clipValue = readNumber(module, attribute::clipGradValue);
  options.clipNorm = readNumber(module, attribute::clipGradNorm);
  if (auto count = module->getAttrOfType<IntegerAttr>(attribute::accumulate))
    options.accumulate = count.getInt();
  if (auto rounding = module->getAttrOfType<StringAttr>(attribute::rounding))
    options.stochastic = rounding != "nearest";
  return options;
}

void StepOptions::removeFrom(ModuleOp module) {
  for (StringRef name :
       {StringRef(attribute::optimizer), StringRef(attribute::optimizerGroup),
        StringRef(attribute::accumulate), StringRef(attribute::clipGradValue),
        StringRef(attribute::clipGradNorm), StringRef(attribute::rounding)})
    module->removeAttr(name);
}

int64_t StepOptions::groupOf(ParamOp param) const {
  auto group =
      groups ? groups.getAs<IntegerAttr>(param.getSymName()) : IntegerAttr();
  return group ? group.getInt() : 0;
}
