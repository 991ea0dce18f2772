//===- StepOptions.cpp - options of a training step -----------------------===//

#include "StepOptions.h"

using namespace mlir;
using namespace mlir::pock;

static constexpr StringLiteral optimizerName = "pock.optimizer",
                               groupName = "pock.optimizer_group",
                               accumulateName = "pock.accumulate",
                               clipValueName = "pock.clip_grad_value",
                               clipNormName = "pock.clip_grad_norm";

/// Reads an attribute that is a positive number, if it is there.
static LogicalResult readPositive(ModuleOp module, StringRef name,
                                  std::optional<double> &number) {
  Attribute attribute = module->getAttr(name);
  if (!attribute)
    return success();
  auto value = dyn_cast<FloatAttr>(attribute);
  if (!value || !(value.getValueAsDouble() > 0.0))
    return module.emitError("expected '")
           << name << "' to be a positive number, but got " << attribute;
  number = value.getValueAsDouble();
  return success();
}

/// Reads the optimizers; the dialect has verified the entries of an array.
static LogicalResult readOptimizers(ModuleOp module, StepOptions &options) {
  Attribute attribute = module->getAttr(optimizerName);
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
  Attribute attribute = module->getAttr(groupName);
  if (!attribute)
    return success();
  options.groups = dyn_cast<DictionaryAttr>(attribute);
  if (!options.groups)
    return module.emitError("expected '")
           << groupName << "' to be a dictionary, but got " << attribute;
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
             << groupName << "' names '" << entry.getName().strref()
             << "', which is no pock.param";
  }
  return success();
}

FailureOr<StepOptions> StepOptions::get(ModuleOp module) {
  StepOptions options;
  if (failed(readOptimizers(module, options)) ||
      failed(readGroups(module, options)) ||
      failed(readPositive(module, clipValueName, options.clipValue)) ||
      failed(readPositive(module, clipNormName, options.clipNorm)))
    return failure();
  if (Attribute attribute = module->getAttr(accumulateName)) {
    auto count = dyn_cast<IntegerAttr>(attribute);
    if (!count || !count.getType().isSignlessInteger() || count.getInt() < 1)
      return module.emitError("expected '")
             << accumulateName << "' to be a positive integer, but got "
             << attribute;
    options.accumulate = count.getInt();
  }
  return options;
}

void StepOptions::removeFrom(ModuleOp module) {
  for (StringRef name : {StringRef(optimizerName), StringRef(groupName),
                         StringRef(accumulateName), StringRef(clipValueName),
                         StringRef(clipNormName)})
    module->removeAttr(name);
}

int64_t StepOptions::groupOf(ParamOp param) const {
  auto group =
      groups ? groups.getAs<IntegerAttr>(param.getSymName()) : IntegerAttr();
  return group ? group.getInt() : 0;
}
