//===- Manifest.cpp - the JSON description of a compiled module -----------===//

#include "Pock/Target/Manifest.h"
#include "Pock/IR/AttributeNames.h"

#include "Pock/IR/ElementTypes.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::pock;
namespace json = llvm::json;

/// `f32`, `i64`, …
static std::string dtypeOf(Type type) {
  if (const ElementType *element = lookupElementType(type))
    return element->name.str();
  // The type of a value that the host does not access.
  std::string text;
  llvm::raw_string_ostream(text) << cast<ShapedType>(type).getElementType();
  return text;
}

static json::Object describeTensor(StringRef name, Type type) {
  return json::Object{{"name", name},
                      {"shape", json::Array(cast<ShapedType>(type).getShape())},
                      {"dtype", dtypeOf(type)}};
}

static int64_t number(DictionaryAttr dict, StringRef key) {
  return dict.getAs<IntegerAttr>(key).getInt();
}

static json::Object describeFunction(func::FuncOp function,
                                     DictionaryAttr plan) {
  json::Array inputs, outputs;
  auto offsets = plan.getAs<DictionaryAttr>("inputs");
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    if (auto name = function.getArgAttrOfType<StringAttr>(i, attribute::name)) {
      json::Object input = describeTensor(name, type);
      if (auto offset = offsets.getAs<IntegerAttr>(name.getValue()))
        input["arena_offset"] = offset.getInt();
      inputs.push_back(std::move(input));
    } else if (auto name =
                   function.getArgAttrOfType<StringAttr>(i, attribute::output))
      outputs.push_back(describeTensor(name, type));
  }
  return json::Object{{"inputs", std::move(inputs)},
                      {"outputs", std::move(outputs)},
                      {"arena", number(plan, "arena")}};
}

/// The bytes of `value` in memory, in hexadecimal digits.
static std::string bytesOfValue(DenseElementsAttr value) {
  std::string bytes;
  if (value.getElementType().isInteger(1)) {
    // The attribute may store bits; memory has bytes.
    for (bool flag : value.getValues<bool>())
      bytes += static_cast<char>(flag);
  } else {
    ArrayRef<char> raw = value.getRawData();
    int64_t times = value.isSplat() ? value.getNumElements() : 1;
    for (int64_t i = 0; i < times; ++i)
      bytes.append(raw.data(), raw.size());
  }
  return llvm::toHex(bytes);
}

static json::Object describe(QuantizationAttr quantization) {
  json::Value scales = nullptr;
  if (FlatSymbolRefAttr symbol = quantization.getScales())
    scales = symbol.getValue();
  return json::Object{{"scale", quantization.getScale().value},
                      {"zero_point", quantization.getZeroPoint()},
                      {"min", quantization.getMin()},
                      {"max", quantization.getMax()},
                      {"scales", std::move(scales)},
                      {"axis", quantization.getAxis()}};
}

/// `rest` is the place of the parameter's frozen rest, if that lies apart.
static json::Object describeParam(ParamOp param, DictionaryAttr place,
                                  DictionaryAttr rest) {
  json::Object tensor =
      describeTensor(param.getSymName(), param.getWholeType());
  tensor["kind"] = stringifyParamKind(param.getKind());
  if (auto value = dyn_cast_or_null<DenseElementsAttr>(param.getValueAttr())) {
    tensor["kind"] = "constant";
    tensor["value"] = bytesOfValue(value);
  }
  if (QuantizationAttr quantization = param.getQuantizationAttr())
    tensor["quantization"] = describe(quantization);
  tensor["segment"] = nullptr;
  if (auto segment = place.getAs<StringAttr>("segment")) {
    tensor["segment"] = segment.getValue();
    tensor["offset"] = number(place, "offset");
    tensor["bytes"] = number(place, "bytes");
  }
  if (rest)
    tensor["rest"] =
        json::Object{{"segment", rest.getAs<StringAttr>("segment").getValue()},
                     {"offset", number(rest, "offset")},
                     {"bytes", number(rest, "bytes")}};
  tensor["permutation"] = nullptr;
  if (std::optional<ArrayRef<int64_t>> permutation = param.getPermutation())
    tensor["permutation"] = json::Array(*permutation);
  tensor["update"] = param.getTrained() ? "full" : "none";
  if (SliceAttr slice = param.getSliceAttr())
    tensor["update"] =
        json::Object{{"axis", slice.getAxis()}, {"size", slice.getSize()}};
  tensor["of"] = nullptr;
  if (std::optional<StringRef> of = param.getOf())
    tensor["of"] = *of;
  return tensor;
}

/// An error code that functions may return, and its meaning.
static json::Object describeFailure(DictionaryAttr failure, int64_t code) {
  json::Object object{{"code", code},
                      {"input", nullptr},
                      {"source", nullptr},
                      {"range", nullptr},
                      {"ignored", nullptr}};
  for (StringRef key : {"kind", "by", "expected", "module", "source", "input"})
    if (auto text = failure.getAs<StringAttr>(key))
      object[key] = text.getValue();
  if (auto range = failure.getAs<DenseI64ArrayAttr>("range"))
    object["range"] = json::Array(range.asArrayRef());
  if (auto ignored = failure.getAs<IntegerAttr>("ignored"))
    object["ignored"] = ignored.getInt();
  return object;
}

/// The value at a place of the arena; workspace has no element type.
static json::Object describePlace(DictionaryAttr content) {
  json::Object place;
  for (StringRef key : {"offset", "bytes", "begin", "end"})
    place[key] = number(content, key);
  place["overwritten"] = content.contains("overwritten");
  place["mask"] = content.contains("mask");
  place["shape"] = nullptr;
  place["dtype"] = nullptr;
  if (auto type = content.getAs<TypeAttr>("type")) {
    auto tensor = cast<ShapedType>(type.getValue());
    place["shape"] = json::Array(tensor.getShape());
    place["dtype"] = dtypeOf(tensor);
  }
  return place;
}

/// Figures of `@step`: the arena's content over time.
static json::Object describeMemory(DictionaryAttr step) {
  json::Object memory;
  for (StringRef key :
       {"arena", "lower_bound", "least_peak", "saved", "gradients", "workspace",
        "loss", "recomputed", "recomputed_flops", "flops"})
    memory[key] = number(step, key);
  json::Array timeline;
  auto bytes = step.getAs<DenseI64ArrayAttr>("timeline");
  for (auto [label, live] :
       llvm::zip(step.getAs<ArrayAttr>("labels"), bytes.asArrayRef()))
    timeline.push_back(json::Array{cast<StringAttr>(label).getValue(), live});
  memory["timeline"] = std::move(timeline);
  json::Array places;
  for (Attribute place : step.getAs<ArrayAttr>("places"))
    places.push_back(describePlace(cast<DictionaryAttr>(place)));
  memory["places"] = std::move(places);
  return memory;
}

FailureOr<std::string> mlir::pock::buildManifest(ModuleOp module) {
  auto plan = module->getAttrOfType<DictionaryAttr>(attribute::plan);
  if (!plan)
    return module.emitError("expected a module at stage 'plan'");
  json::Object functions;
  auto functionPlans = plan.getAs<DictionaryAttr>("functions");
  for (NamedAttribute entry : functionPlans)
    if (auto function = module.lookupSymbol<func::FuncOp>(entry.getName()))
      functions[entry.getName().strref()] =
          describeFunction(function, cast<DictionaryAttr>(entry.getValue()));

  json::Array tensors;
  int64_t parameters = 0, states = 0;
  llvm::StringMap<DictionaryAttr> rests;
  for (auto [param, place] :
       llvm::zip(module.getOps<ParamOp>(), plan.getAs<ArrayAttr>("tensors")))
    if (param.getKind() == ParamKind::Rest)
      rests[*param.getOf()] = cast<DictionaryAttr>(place);
  for (auto [param, place] :
       llvm::zip(module.getOps<ParamOp>(), plan.getAs<ArrayAttr>("tensors"))) {
    auto dict = cast<DictionaryAttr>(place);
    int64_t bytes = dict.contains("bytes") ? number(dict, "bytes") : 0;
    if (param.getKind() == ParamKind::State)
      states += bytes;
    else if (param.getKind() != ParamKind::Prepared)
      parameters += bytes;
    if (param.getKind() != ParamKind::Rest)
      tensors.push_back(
          describeParam(param, dict, rests.lookup(param.getSymName())));
  }
  json::Array failures;
  for (auto [i, failure] : llvm::enumerate(plan.getAs<ArrayAttr>("failures")))
    failures.push_back(describeFailure(cast<DictionaryAttr>(failure), i + 1));
  json::Object memory;
  if (auto step = functionPlans.getAs<DictionaryAttr>("step"))
    memory = describeMemory(step);
  memory["parameters"] = parameters;
  memory["optimizer_state"] = states;

  int64_t launches = 0, kernels = 0, tuned = 0;
  if (auto step = module.lookupSymbol<func::FuncOp>("step"))
    step.walk([&](LaunchOp) { ++launches; });
  for (auto function : module.getOps<func::FuncOp>()) {
    kernels += function->hasAttr(attribute::kernel);
    tuned += function->hasAttr(attribute::tile) ||
             function->hasAttr(attribute::algorithm);
  }
  auto name = module->getAttrOfType<StringAttr>(attribute::name);
  json::Value manifest = json::Object{
      {"name", name ? name.getValue() : StringRef("model")},
      {"alignment", number(plan, "alignment")},
      {"segments", json::Object{{"constants", number(plan, "constants")},
                                {"state", number(plan, "state")},
                                {"arena", number(plan, "arena")}}},
      {"functions", std::move(functions)},
      {"failures", std::move(failures)},
      {"tensors", std::move(tensors)},
      {"memory", std::move(memory)},
      {"kernels", json::Object{{"launches", launches},
                               {"distinct", kernels},
                               {"tuned", tuned}}}};
  std::string text;
  llvm::raw_string_ostream(text) << manifest;
  return text;
}
