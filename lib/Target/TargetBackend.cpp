//===- TargetBackend.cpp - The registry of back ends ----------------------===//

#include "Pock/Target/TargetBackend.h"
#include "Pock/IR/AttributeNames.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::pock;

//===----------------------------------------------------------------------===//
// Defaults of a back end
//===----------------------------------------------------------------------===//

TargetBackend::~TargetBackend() = default;

int64_t TargetBackend::getKernelZeroPoint(TargetAttr, int64_t, int64_t) const {
  return 0;
}

Layout TargetBackend::getLayoutOfBytes(TargetAttr) const {
  return Layout::ChannelsLastOhwi;
}

bool TargetBackend::supportsElement(TargetAttr, Type) const { return true; }

bool TargetBackend::storesHalves(TargetAttr) const { return false; }

StringRef TargetBackend::getUnit(TargetAttr) const { return ""; }

SmallVector<std::string> TargetBackend::getFeatures(TargetAttr) const {
  return {};
}

FailureOr<std::string> TargetBackend::emitData(ModuleOp module,
                                               ArrayRef<DataSymbol>) const {
  return module.emitError("the back end '")
         << getName() << "' has no programs that contain data";
}

TargetAttr TargetBackend::getHostTarget(MLIRContext *) const { return {}; }

std::string TargetBackend::getTuningKey(TargetAttr) const {
  return getName().str();
}

SmallVector<SmallVector<int64_t>> TargetBackend::listTiles(func::FuncOp) const {
  return {};
}

SmallVector<StringRef> TargetBackend::listAlgorithms(func::FuncOp) const {
  return {};
}

//===----------------------------------------------------------------------===//
// The registry
//===----------------------------------------------------------------------===//

/// Like MLIR's own registries of passes and dialect extensions, it lives as
/// long as the process.
static std::vector<std::unique_ptr<TargetBackend>> &registry() {
  static std::vector<std::unique_ptr<TargetBackend>> backends;
  return backends;
}

void pock::registerTargetBackend(std::unique_ptr<TargetBackend> backend) {
  for (const auto &known : registry())
    if (known->getName() == backend->getName())
      return;
  registry().push_back(std::move(backend));
}

void pock::getBackendDialects(DialectRegistry &dialects) {
  for (const auto &backend : registry())
    backend->getDependentDialects(dialects);
}

/// The first back end that accepts `target`, or null. `reasons` receives the
/// reason of each back end that does not accept it.
static const TargetBackend *find(TargetAttr target, std::string &reasons) {
  for (const auto &backend : registry()) {
    llvm::Error error = backend->accepts(target);
    if (!error)
      return backend.get();
    reasons += (reasons.empty() ? "" : "; ") + backend->getName().str() + ": " +
               llvm::toString(std::move(error));
  }
  return nullptr;
}

/// The target of a module without `pock.target`.
static TargetAttr getDefaultTarget(MLIRContext *context) {
  return cast<TargetAttr>(parseAttribute("#pock.target", context));
}

TargetAttr pock::targetOf(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  if (module)
    if (auto target = module->getAttrOfType<TargetAttr>(attribute::target))
      return target;
  return getDefaultTarget(op->getContext());
}

FailureOr<const TargetBackend *> pock::findTargetBackend(ModuleOp module) {
  TargetAttr target = targetOf(module);
  std::string reasons;
  if (const TargetBackend *backend = find(target, reasons))
    return backend;
  StringRef triple = target.getTriple();
  return module.emitError("no back end for the target '")
         << (triple.empty() ? "host" : triple) << "' ("
         << (reasons.empty() ? "there is none at all" : reasons) << ")";
}

FailureOr<TargetLimits> pock::getTargetLimits(ModuleOp module) {
  FailureOr<const TargetBackend *> backend = findTargetBackend(module);
  if (failed(backend))
    return failure();
  return (*backend)->getLimits(targetOf(module));
}

TargetLimits pock::limitsAt(Operation *op) {
  TargetAttr target = targetOf(op);
  std::string reasons;
  const TargetBackend *backend = find(target, reasons);
  return backend ? backend->getLimits(target) : TargetLimits();
}

TargetAttr pock::getHostTarget(MLIRContext *context) {
  context->loadDialect<PockDialect>();
  for (const auto &backend : registry())
    if (TargetAttr host = backend->getHostTarget(context))
      return host;
  return getDefaultTarget(context);
}

FailureOr<Binaries> pock::emitBinaries(ModuleOp module) {
  FailureOr<const TargetBackend *> backend = findTargetBackend(module);
  if (failed(backend))
    return failure();
  return (*backend)->emit(module);
}

FailureOr<std::string> pock::emitData(ModuleOp module,
                                      ArrayRef<DataSymbol> symbols) {
  FailureOr<const TargetBackend *> backend = findTargetBackend(module);
  if (failed(backend))
    return failure();
  return (*backend)->emitData(module, symbols);
}

FailureOr<std::string> pock::describeTarget(ModuleOp module) {
  FailureOr<const TargetBackend *> backend = findTargetBackend(module);
  if (failed(backend))
    return failure();
  RunForm form = (*backend)->getRunForm(targetOf(module));
  llvm::json::Value target = llvm::json::Object{
      {"backend", (*backend)->getName()},
      {"form", form == RunForm::Library  ? "library"
               : form == RunForm::Object ? "object"
                                         : "dispatches"},
      {"unit", (*backend)->getUnit(targetOf(module))},
      {"stores_f16", (*backend)->storesHalves(targetOf(module))},
      {"features",
       llvm::json::Array((*backend)->getFeatures(targetOf(module)))}};
  std::string text;
  llvm::raw_string_ostream(text) << target;
  return text;
}
