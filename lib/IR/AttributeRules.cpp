//===- AttributeRules.cpp - verify discardable attributes -----------------===//

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/StorableTypes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
enum class Holder { Module, Function, Launch, Dispatch, Generic, Value };

/// What holds for an attribute.
struct Rule {
  StringLiteral name;
  Holder holder;
  bool (*isValid)(Attribute);
  /// Completes "expected 'pock.x' to be ".
  StringLiteral expected;
};
} // namespace

static bool isOptimizer(Attribute attr) {
  auto groups = dyn_cast<ArrayAttr>(attr);
  return groups
             ? !groups.empty() &&
                   llvm::all_of(groups, llvm::IsaPred<OptimizerAttrInterface>)
             : isa<OptimizerAttrInterface>(attr);
}

template <int64_t least>
static bool isAtLeast(Attribute attr) {
  auto number = dyn_cast<IntegerAttr>(attr);
  return number && number.getType().isSignlessInteger(64) &&
         number.getInt() >= least;
}

static bool isPositive(Attribute attr) {
  auto number = dyn_cast<FloatAttr>(attr);
  return number && number.getValueAsDouble() > 0.0;
}

static bool isTile(Attribute attr) {
  auto tile = dyn_cast<DenseI64ArrayAttr>(attr);
  return tile && tile.size() == 2 && tile[0] > 0 && tile[1] > 0;
}

static bool isOneOf(Attribute attr, ArrayRef<StringRef> words) {
  auto word = dyn_cast<StringAttr>(attr);
  return word && llvm::is_contained(words, word.getValue());
}

static ArrayRef<Rule> rules() {
  using namespace attribute;
  static constexpr auto isDictionary =
      +[](Attribute attr) { return isa<DictionaryAttr>(attr); };
  static constexpr auto isArray =
      +[](Attribute a) { return isa<ArrayAttr>(a); };
  static constexpr auto isNames = +[](Attribute attr) {
    auto array = dyn_cast<ArrayAttr>(attr);
    return array && llvm::all_of(array, llvm::IsaPred<StringAttr>);
  };
  static constexpr auto isString =
      +[](Attribute a) { return isa<StringAttr>(a); };
  static constexpr auto isUnit = +[](Attribute a) { return isa<UnitAttr>(a); };
  static constexpr auto isIntegers =
      +[](Attribute attr) { return isa<DenseI64ArrayAttr>(attr); };
  static constexpr auto isWords =
      +[](Attribute attr) { return isa<DenseI32ArrayAttr>(attr); };
  static constexpr auto isTarget =
      +[](Attribute attr) { return isa<TargetAttr>(attr); };
  static constexpr auto isArithmetic =
      +[](Attribute attr) { return isOneOf(attr, {"fast", "portable"}); };
  static constexpr auto isPrecision =
      +[](Attribute attr) { return isOneOf(attr, {"f32", "bf16", "f16"}); };
  static constexpr auto isRounding =
      +[](Attribute attr) { return isOneOf(attr, {"stochastic", "nearest"}); };
  static constexpr auto isGradients =
      +[](Attribute attr) { return isOneOf(attr, {"f32", "i16", "f16"}); };
  static constexpr auto isSegment = +[](Attribute attr) {
    return isOneOf(attr, {"constants", "state", "arena"});
  };
  static constexpr StringLiteral bytes("a number of bytes");
  static constexpr Rule all[] = {
      {name, Holder::Module, isString, "a string"},
      {target, Holder::Module, isTarget, "a #pock.target attribute"},
      {arithmetic, Holder::Module, isArithmetic, "\"fast\" or \"portable\""},
      {precision, Holder::Module, isPrecision, "\"f32\", \"bf16\" or \"f16\""},
      {rounding, Holder::Module, isRounding, "\"stochastic\" or \"nearest\""},
      {gradients, Holder::Module, isGradients, "\"f32\", \"i16\" or \"f16\""},
      {scheme, Holder::Module, isDictionary, "a dictionary"},
      {optimizer, Holder::Module, isOptimizer,
       "an optimizer attribute, or an array of them"},
      {optimizerGroup, Holder::Module, isDictionary, "a dictionary"},
      {accumulate, Holder::Module, isAtLeast<1>, "a positive integer"},
      {clipGradValue, Holder::Module, isPositive, "a positive number"},
      {clipGradNorm, Holder::Module, isPositive, "a positive number"},
      {memoryLimit, Holder::Module, isAtLeast<0>, bytes},
      {arenaInputs, Holder::Module, isNames, "an array of strings"},
      {tuning, Holder::Module, isDictionary, "a dictionary"},
      {candidates, Holder::Module, isArray, "an array"},
      {plan, Holder::Module, isDictionary, "a dictionary"},
      {kernel, Holder::Function, isUnit, "a unit attribute"},
      {channelBlocks, Holder::Function, isUnit, "a unit attribute"},
      {fingerprint, Holder::Function, isString, "a string"},
      {tile, Holder::Function, isTile,
       "'array<i64: rows, vectors>', both positive"},
      {algorithm, Holder::Function, isString, "a string"},
      {workspace, Holder::Function, isAtLeast<0>, bytes},
      {inPlace, Holder::Function, isAtLeast<0>, "the number of an argument"},
      {pushed, Holder::Function, isAtLeast<1>, "a positive integer"},
      {part, Holder::Dispatch, isAtLeast<0>, "the number of a launch"},
      {accesses, Holder::Dispatch, isIntegers, "an array of i64"},
      {offsets, Holder::Dispatch, isWords, "an array of i32"},
      {firstGroup, Holder::Dispatch, isIntegers, "an array of i64"},
      {probeInputs, Holder::Function, isWords, "an array of i32"},
      {probeOutputs, Holder::Function, isWords, "an array of i32"},
      {leastPeak, Holder::Function, isAtLeast<0>, bytes},
      {name, Holder::Value, isString, "a string"},
      {segment, Holder::Value, isSegment,
       "\"constants\", \"state\" or \"arena\""},
      {output, Holder::Value, isString, "a string"},
      {packed, Holder::Value, isIntegers, "an array of i64"},
      {written, Holder::Value, isUnit, "a unit attribute"},
      {profile, Holder::Value, isUnit, "a unit attribute"},
      {again, Holder::Launch, isUnit, "a unit attribute"},
      {masks, Holder::Launch, isIntegers, "an array of i64"},
      {apart, Holder::Generic, isUnit, "a unit attribute"},
  };
  return all;
}

static StringRef describe(Holder holder) {
  switch (holder) {
  case Holder::Module:
    return "a module";
  case Holder::Function:
    return "a function";
  case Holder::Launch:
    return "a pock.launch";
  case Holder::Dispatch:
    return "a gpu.launch_func";
  case Holder::Generic:
    return "a linalg.generic";
  case Holder::Value:
    return "an argument or a result of a function";
  }
  llvm_unreachable("unknown holder");
}

static bool holds(Operation *op, Holder holder) {
  switch (holder) {
  case Holder::Module:
    return isa<ModuleOp>(op);
  case Holder::Function:
    return isa<FunctionOpInterface>(op);
  case Holder::Launch:
    return isa<LaunchOp>(op);
  case Holder::Dispatch:
    // By its name, because only one back end needs that dialect.
    return op->getName().getStringRef() == "gpu.launch_func";
  case Holder::Generic:
    return isa<linalg::GenericOp>(op);
  case Holder::Value:
    return false;
  }
  llvm_unreachable("unknown holder");
}

/// Finds the rule of `attr` among those whose holder `fits`; checks the value.
static LogicalResult verify(Operation *op, NamedAttribute attr,
                            function_ref<bool(Holder)> fits) {
  const Rule *named = nullptr;
  for (const Rule &rule : rules()) {
    if (attr.getName().strref() != rule.name)
      continue;
    named = &rule;
    if (!fits(rule.holder))
      continue;
    if (rule.isValid(attr.getValue()))
      return success();
    return op->emitError("expected '")
           << rule.name << "' to be " << rule.expected << ", but got "
           << attr.getValue();
  }
  if (!named)
    return op->emitError("unknown attribute '")
           << attr.getName().strref() << "'";
  return op->emitError("expected '")
         << named->name << "' to be an attribute of "
         << describe(named->holder);
}

/// Fractions are from 0 to 1.
static LogicalResult verifyScheme(Operation *op, DictionaryAttr scheme) {
  for (NamedAttribute entry : scheme) {
    auto fraction = dyn_cast<FloatAttr>(entry.getValue());
    if (!fraction || !(fraction.getValueAsDouble() >= 0.0) ||
        !(fraction.getValueAsDouble() <= 1.0))
      return op->emitError("expected the fraction of '")
             << entry.getName().strref() << "' in 'pock.scheme' to be a "
             << "floating-point number from 0 to 1, but got "
             << entry.getValue();
  }
  return success();
}

/// A choice has a tile, an algorithm, or both.
static LogicalResult verifyChoice(Operation *module, Attribute choice,
                                  const Twine &what) {
  auto entries = dyn_cast<DictionaryAttr>(choice);
  if (!entries)
    return module->emitError("expected ")
           << what << " to be a dictionary, but got " << choice;
  for (NamedAttribute entry : entries) {
    StringRef key = entry.getName();
    if (key == "tile") {
      if (!isTile(entry.getValue()))
        return module->emitError("expected 'tile' of ")
               << what
               << " to be 'array<i64: rows, vectors>', both positive, but got "
               << entry.getValue();
    } else if (key == "algorithm") {
      if (!isa<StringAttr>(entry.getValue()))
        return module->emitError("expected 'algorithm' of ")
               << what << " to be a string, but got " << entry.getValue();
    } else {
      return module->emitError("unknown key '") << key << "' in " << what;
    }
  }
  return success();
}

LogicalResult pock::verifyDiscardable(Operation *op, NamedAttribute attr) {
  if (failed(
          verify(op, attr, [&](Holder holder) { return holds(op, holder); })))
    return failure();
  StringRef name = attr.getName().strref();
  if (name == attribute::scheme)
    return verifyScheme(op, cast<DictionaryAttr>(attr.getValue()));
  if (name == attribute::kernel)
    return verifyKernel(op);
  if (name == attribute::tuning) {
    for (NamedAttribute entry : cast<DictionaryAttr>(attr.getValue()))
      if (failed(verifyChoice(op, entry.getValue(),
                              "the 'pock.tuning' of '" +
                                  entry.getName().strref() + "'")))
        return failure();
  }
  if (name == attribute::candidates) {
    for (auto [i, choice] : llvm::enumerate(cast<ArrayAttr>(attr.getValue())))
      if (failed(verifyChoice(op, choice,
                              "entry " + Twine(i) + " of 'pock.candidates'")))
        return failure();
  }
  return success();
}

LogicalResult pock::verifyDiscardableOfValue(Operation *function,
                                             NamedAttribute attr) {
  return verify(function, attr,
                [](Holder holder) { return holder == Holder::Value; });
}
