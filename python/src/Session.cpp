//===- Session.cpp - one use of the compiler from Python ------------------===//

#include "Session.h"

#include "Pock/InitAll.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

/// The registry of all dialects and passes, which are registered once per
/// process.
static const DialectRegistry &registry() {
  static const DialectRegistry all = [] {
    DialectRegistry registry;
    mlir::pock::registerAllDialects(registry);
    mlir::pock::registerAllPasses();
    return registry;
  }();
  return all;
}

/// `file:line:column (name)`, without the parts that are missing.
static std::string describe(Location loc) {
  std::string name, place;
  loc->walk([&](Location part) {
    if (auto named = dyn_cast<NameLoc>(part); named && name.empty())
      name = named.getName().str();
    if (auto file = dyn_cast<FileLineColLoc>(part); file && place.empty())
      place = (file.getFilename().getValue() + ":" + Twine(file.getLine()) +
               ":" + Twine(file.getColumn()))
                  .str();
    return WalkResult::advance();
  });
  if (name.empty() && place.empty())
    return "<unknown>";
  if (name.empty() || place.empty())
    return name + place;
  return place + " (" + name + ")";
}

/// A fact; see Pock/IR/DiagnosticFacts.h.
static llvm::json::Value toJson(Attribute attr) {
  if (auto number = dyn_cast<IntegerAttr>(attr))
    return number.getInt();
  if (auto text = dyn_cast<StringAttr>(attr))
    return text.getValue();
  if (auto loc = dyn_cast<LocationAttr>(attr))
    return describe(Location(loc));
  if (auto items = dyn_cast<ArrayAttr>(attr))
    return llvm::json::Array(llvm::map_range(items, toJson));
  llvm::json::Object object;
  for (NamedAttribute entry : cast<DictionaryAttr>(attr))
    object[entry.getName().strref()] = toJson(entry.getValue());
  return object;
}

Session::Session()
    : context(registry()), handler(&context, [this](Diagnostic &diagnostic) {
        report(diagnostic);
        for (Diagnostic &note : diagnostic.getNotes())
          report(note);
      }) {
  context.printOpOnDiagnostic(false); // printing ops would print whole modules
  // Passes and patterns are actions: a cancelled session skips the rest.
  context.registerActionHandler(
      [this](function_ref<void()> transform, const tracing::Action &) {
        if (!cancelled)
          transform();
      });
}

OwningOpRef<ModuleOp> Session::parse(StringRef source) {
  llvm::SourceMgr buffers;
  buffers.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(source, "<ir>"), llvm::SMLoc());
  auto module = parseSourceFile<ModuleOp>(buffers, &context);
  check(success(static_cast<bool>(module)), "parsing");
  return module;
}

void Session::run(ModuleOp module, StringRef pipeline) {
  std::string error;
  llvm::raw_string_ostream stream(error);
  FailureOr<OpPassManager> passes = parsePassPipeline(pipeline, stream);
  if (failed(passes))
    throw CompilerError("invalid pipeline '" + pipeline.str() + "': " + error);
  // Use the pipeline's anchor: a manager for modules would nest the passes in a
  // module within the module, and skip them silently.
  PassManager manager(&context, passes->getOpAnchorName());
  static_cast<OpPassManager &>(manager) = std::move(*passes);
  // pock-opt verifies after each pass. Here that would take an eighth of the
  // time, so the module is only verified after the last pass.
  manager.enableVerifier(false);
  check(manager.run(module), "pipeline '" + pipeline + "'");
  check(verify(module), "verifying the result of '" + pipeline + "'");
  if (cancelled)
    throw CompilerError("cancelled");
}

void Session::check(LogicalResult result, const Twine &what) {
  if (succeeded(result))
    return;
  CompilerError error(messages.empty() ? (what + " failed").str() : messages);
  error.facts = llvm::formatv("{0}", llvm::json::Value(std::move(facts))).str();
  throw error;
}

void Session::report(Diagnostic &diagnostic) {
  constexpr const char *severities[] = {"note", "warning", "error", "remark"};
  messages += (messages.empty() ? "" : "\n") +
              describe(diagnostic.getLocation()) + ": " +
              severities[static_cast<int>(diagnostic.getSeverity())] + ": " +
              diagnostic.str();
  for (const DiagnosticArgument &argument : diagnostic.getMetadata())
    if (argument.getKind() ==
        DiagnosticArgument::DiagnosticArgumentKind::Attribute)
      facts.push_back(toJson(argument.getAsAttribute()));
}

std::string print(ModuleOp module, bool locations) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(locations));
  return text;
}
