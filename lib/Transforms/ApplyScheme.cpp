//===- ApplyScheme.cpp - mark the parameters that train -------------------===//
//
// Needs the module attribute `pock.scheme`, and weights in PyTorch's layout: it
// runs before pock-assign-layout. Sets `trained` and `slice` on pock.param and
// removes the attribute. Reports all parameters that cannot be trained as the
// scheme says, not only the first.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/DiagnosticFacts.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {
#define GEN_PASS_DEF_APPLYSCHEME
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// The trained slice of a parameter of type `type` for the reader `use`: the
/// first round(fraction * blocks) of the blocks of input channels.
static FailureOr<SliceAttr>
sliceForReader(OpOperand &use, RankedTensorType type, double fraction) {
  auto reader = dyn_cast<KernelRoleOpInterface>(use.getOwner());
  std::optional<InputChannels> channels;
  if (reader)
    channels = reader.getInputChannels(use.getOperandNumber());
  if (!channels)
    return failure();
  auto [dim, blocks] = *channels;
  int64_t trained =
      std::max<int64_t>(1, static_cast<int64_t>(std::nearbyint(
                               fraction * static_cast<double>(blocks))));
  return SliceAttr::get(type.getContext(), dim,
                        trained * (type.getDimSize(dim) / blocks));
}

/// The uses of `value` in the forward pass, without those for gradients that
/// the model gives.
static void collectReaders(Value value, SmallVectorImpl<OpOperand *> &readers) {
  for (OpOperand &use : value.getUses()) {
    if (isa<SetGradientsOp>(use.getOwner()))
      continue;
    auto custom = dyn_cast<CustomGradientOp>(use.getOwner());
    if (!custom) {
      readers.push_back(&use);
      continue;
    }
    int64_t index = static_cast<int64_t>(use.getOperandNumber()) -
                    static_cast<int64_t>(custom.getInputs().size());
    if (index >= 0)
      collectReaders(custom.getResults()[index], readers);
  }
}

namespace {
struct ApplyScheme : public ::mlir::pock::impl::ApplySchemeBase<ApplyScheme> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto scheme = module->getAttrOfType<DictionaryAttr>(attribute::scheme);
    if (!scheme)
      return;
    bool trains = false, refused = false;
    for (NamedAttribute entry : scheme) {
      double fraction = cast<FloatAttr>(entry.getValue()).getValueAsDouble();
      auto param = module.lookupSymbol<ParamOp>(entry.getName());
      if (!param) {
        module.emitError("'pock.scheme' names '")
            << entry.getName().strref() << "', which is no pock.param";
        return signalPassFailure();
      }
      if (fraction == 0.0)
        continue;
      refused |= failed(train(param, fraction));
      trains = true;
    }
    if (refused)
      return signalPassFailure();
    if (!trains) {
      module.emitError("'pock.scheme' leaves nothing to train");
      return signalPassFailure();
    }
    module->removeAttr(attribute::scheme);
  }

  /// Reports why a parameter cannot train as the scheme says. `reader` is an
  /// op that reads it, if that is the reason.
  LogicalResult refuse(ParamOp param, const std::string &reason,
                       std::optional<Location> reader = {}) {
    InFlightDiagnostic diag = param.emitOpError(reason);
    Builder builder(&getContext());
    SmallVector<NamedAttribute> facts = {
        builder.getNamedAttr("parameter", param.getSymNameAttr()),
        builder.getNamedAttr("reason", builder.getStringAttr(reason))};
    if (reader) {
      diag.attachNote(*reader) << "read here";
      facts.push_back(builder.getNamedAttr("reader", LocationAttr(*reader)));
    }
    addFacts(diag, "scheme", std::move(facts));
    return failure();
  }

  /// Marks `param` trained; a fraction below one becomes a slice.
  LogicalResult train(ParamOp param, double fraction) {
    auto type = dyn_cast<RankedTensorType>(param.getType());
    if (param.getKind() != ParamKind::Parameter || !type ||
        !(isa<FloatType>(type.getElementType()) || param.getQuantization()))
      return refuse(param, "cannot be trained: expected a parameter of "
                           "floating-point type");
    SmallVector<OpOperand *> readers;
    bool read = false;
    getOperation().walk([&](LoadParamOp load) {
      if (load.getParam() != param.getSymName())
        return;
      auto function = load->getParentOfType<func::FuncOp>();
      read |= function && function.getName() == "loss";
      collectReaders(load, readers);
    });
    if (!read)
      return refuse(param, "is to be trained, but the loss does not read it");
    param.setTrained(true);
    // A part of nothing is all of it.
    if (fraction == 1.0 || type.getRank() < 2 || type.getNumElements() == 0)
      return success();
    SliceAttr slice;
    for (OpOperand *use : readers) {
      FailureOr<SliceAttr> wanted = sliceForReader(*use, type, fraction);
      if (failed(wanted) || (slice && slice != *wanted)) {
        std::string asked;
        llvm::raw_string_ostream(asked) << fraction;
        return refuse(param,
                      "cannot train a fraction of " + asked +
                          ": expected all readers to agree on a dimension of "
                          "input channels",
                      use->getOwner()->getLoc());
      }
      slice = *wanted;
    }
    if (slice && slice.getSize() < type.getDimSize(slice.getAxis()))
      param.setSliceAttr(slice);
    return success();
  }
};
} // namespace
