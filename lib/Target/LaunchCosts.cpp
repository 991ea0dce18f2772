//===- LaunchCosts.cpp - operations and bytes of launches -----------------===//

#include "Pock/Target/LaunchCosts.h"
#include "Pock/IR/AttributeNames.h"

#include "Pock/Backends/Shared/KernelCost.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::pock;
namespace json = llvm::json;

namespace {
/// The phase and the layers of each launch of a module.
class Launches {
public:
  Launches(ModuleOp module, DictionaryAttr plan) {
    for (auto [param, place] : llvm::zip(module.getOps<ParamOp>(),
                                         plan.getAs<ArrayAttr>("tensors"))) {
      params.insert(param.getSymName());
      auto dict = cast<DictionaryAttr>(place);
      auto number = [&](StringRef key) {
        return dict.getAs<IntegerAttr>(key).getInt();
      };
      if (param.getTrained() || param.getKind() == ParamKind::State)
        updated.push_back(
            {number("offset"), number("offset") + number("bytes")});
    }
  }

  json::Array describe(func::FuncOp function) const {
    SmallVector<LaunchOp> launches(function.getOps<LaunchOp>());
    // Without an update there is no backward pass, only a forward pass.
    bool trains =
        llvm::any_of(launches, [&](LaunchOp l) { return updates(l); });
    LaunchOp lossLaunch;
    for (LaunchOp launch : launches)
      if (writesLoss(launch))
        lossLaunch = launch;
    StringRef pass = "forward";
    json::Array entries;
    for (LaunchOp launch : launches) {
      entries.push_back(json::Object{
          {"kernel", launch.getCallee()},
          {"layers", layersOf(launch)},
          {"phase", updates(launch) ? StringRef("update") : pass}});
      if (trains && launch == lossLaunch)
        pass = "backward";
    }
    return entries;
  }

private:
  /// The argument of which `buffer` is a view, and the offset in it, if any.
  static std::pair<BlockArgument, int64_t> rootOf(Value buffer) {
    int64_t offset = 0;
    while (Operation *op = buffer.getDefiningOp()) {
      if (auto view = dyn_cast<memref::ViewOp>(op)) {
        APInt shift;
        if (matchPattern(view.getByteShift(), m_ConstantInt(&shift)))
          offset += shift.getSExtValue();
      }
      auto view = dyn_cast<ViewLikeOpInterface>(op);
      if (!view)
        return {};
      buffer = view.getViewSource();
    }
    return {cast<BlockArgument>(buffer), offset};
  }

  static StringAttr attributeOf(BlockArgument argument, StringRef key) {
    auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
    return function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), key);
  }

  bool updates(LaunchOp launch) const {
    return llvm::any_of(launch.getOuts(), [&](Value out) {
      auto [root, offset] = rootOf(out);
      if (!root)
        return false;
      StringAttr segment = attributeOf(root, attribute::segment);
      return segment && segment == "state" &&
             llvm::any_of(updated, [at = offset](auto range) {
               return range.first <= at && at < range.second;
             });
    });
  }

  /// Whether `launch` writes the first output.
  static bool writesLoss(LaunchOp launch) {
    return llvm::any_of(launch.getOuts(), [&](Value out) {
      BlockArgument root = rootOf(out).first;
      if (!root || !attributeOf(root, attribute::output))
        return false;
      unsigned number = root.getArgNumber();
      return !attributeOf(root.getOwner()->getArgument(number - 1),
                          attribute::output);
    });
  }

  /// The modules in the location, each once; for a parameter, its module. A
  /// launch without another location, such as that of Adam's count of steps,
  /// has the function's location.
  json::Array layersOf(LaunchOp launch) const {
    Location function = launch->getParentOp()->getLoc();
    SmallVector<StringRef> names;
    launch.getLoc()->walk([&](Location inner) {
      auto named = dyn_cast<NameLoc>(inner);
      if (!named || inner == function)
        return WalkResult::advance();
      StringRef name = named.getName();
      if (params.contains(name))
        name = name.contains('.') ? name.rsplit('.').first : "";
      if (!llvm::is_contained(names, name))
        names.push_back(name);
      return WalkResult::advance();
    });
    return json::Array(names);
  }

  llvm::StringSet<> params;
  /// Ranges of the segment `state` that training changes.
  SmallVector<std::pair<int64_t, int64_t>> updated;
};
} // namespace

FailureOr<std::string> mlir::pock::describeCosts(ModuleOp module) {
  auto plan = module->getAttrOfType<DictionaryAttr>(attribute::plan);
  if (!plan)
    return module.emitError("expected a module at stage 'plan'");
  Launches launches(module, plan);
  json::Object kernels, functions;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function->hasAttr(attribute::kernel)) {
      KernelCost cost = costOf(function);
      kernels[function.getSymName()] =
          json::Object{{"flops", cost.flops},
                       {"bytes_read", cost.bytesRead},
                       {"bytes_written", cost.bytesWritten}};
    } else if (plan.getAs<DictionaryAttr>("functions")
                   .contains(function.getSymName())) {
      functions[function.getSymName()] = launches.describe(function);
    }
  }
  json::Value costs = json::Object{{"kernels", std::move(kernels)},
                                   {"functions", std::move(functions)}};
  std::string text;
  llvm::raw_string_ostream(text) << costs;
  return text;
}
