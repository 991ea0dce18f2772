//===- Core.cpp - the Python extension module pockmlir._core --------------===//
//
// The compiler for Python: IR in (text or bytecode), text out. Every call has
// an MLIR context of its own and runs without the GIL; a signal ends it.
// Diagnostics become one Python exception, CompilerError.
//
//===----------------------------------------------------------------------===//

#include "BuildId.h"
#include "Interruptible.h"

#include "Pock/IR/ElementTypes.h"
#include "Pock/InitAll.h"
#include "Pock/ObjectFiles/ObjectFiles.h"
#include "Pock/Target/CodeFacts.h"
#include "Pock/Target/LaunchCosts.h"
#include "Pock/Target/Manifest.h"
#include "Pock/Target/TargetBackend.h"
#include "Pock/Target/TuningSpace.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Config/llvm-config.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <chrono>

namespace nb = nanobind;
using namespace mlir;

namespace {

using Source = std::variant<nb::str, nb::bytes>;
using Stages = std::vector<std::pair<std::string, std::string>>;
using StageResults = std::vector<std::tuple<std::string, std::string, double>>;

/// Parses `source` and calls `body(session, module)`, without the GIL; a signal
/// interrupts it. `body` must own its data.
template <typename Body>
auto withModule(const Source &source, Body body) {
  std::string text;
  if (const auto *string = std::get_if<nb::str>(&source)) {
    Py_ssize_t size;
    const char *data = PyUnicode_AsUTF8AndSize(string->ptr(), &size);
    if (!data)
      throw nb::python_error();
    text.assign(data, size);
  } else {
    const auto &bytes = std::get<nb::bytes>(source);
    text.assign(bytes.c_str(), bytes.size());
  }
  return runInterruptibly(
      [text = std::move(text), body = std::move(body)](Session &session) {
        OwningOpRef<ModuleOp> module = session.parse(text);
        return body(session, *module);
      });
}

StageResults runStages(const Source &source, const Stages &stages,
                       bool locations) {
  return withModule(source, [=](Session &session, ModuleOp module) {
    StageResults results;
    for (const auto &[name, pipeline] : stages) {
      OwningOpRef<ModuleOp> before = module.clone();
      auto start = std::chrono::steady_clock::now();
      try {
        session.run(module, pipeline);
      } catch (CompilerError &error) {
        error.stage = name;
        error.ir = print(*before, true);
        throw;
      }
      std::chrono::duration<double> seconds =
          std::chrono::steady_clock::now() - start;
      results.emplace_back(name, print(module, locations), seconds.count());
    }
    return results;
  });
}

/// Returns the manifest and the kernel costs of a plan, both JSON, without
/// printing modules between the stages.
std::pair<std::string, std::string> plan(const Source &source,
                                         const Stages &stages) {
  return withModule(source, [=](Session &session, ModuleOp module) {
    for (const auto &[name, pipeline] : stages)
      session.run(module, pipeline);
    auto manifest = mlir::pock::buildManifest(module);
    session.check(success(succeeded(manifest)), "building the manifest");
    auto costs = mlir::pock::describeCosts(module);
    session.check(success(succeeded(costs)), "describing the kernels");
    return std::pair(std::move(*manifest), std::move(*costs));
  });
}

/// What `generate` returns: object files, facts about their arithmetic (JSON),
/// seconds for the pipeline and for the object files.
struct Generated {
  std::vector<std::string> objects;
  std::string arithmetic;
  double lowering = 0, emission = 0;
};

/// Runs a pipeline to stage `llvm`, and generates code of the result, which
/// would be large as text.
Generated generate(const Source &source, const std::string &pipeline) {
  return withModule(source, [=](Session &session, ModuleOp module) {
    Generated result;
    auto stage = [&](const char *name, double &seconds, auto body) {
      auto start = std::chrono::steady_clock::now();
      try {
        body();
      } catch (CompilerError &error) {
        error.stage = name;
        throw;
      }
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                              start)
                    .count();
    };
    stage("llvm", result.lowering, [&] { session.run(module, pipeline); });
    result.arithmetic = mlir::pock::describeArithmetic(module);
    stage("object", result.emission, [&] {
      auto objects = mlir::pock::emitBinaries(module);
      session.check(success(succeeded(objects)), "emitting the objects");
      result.objects = std::move(*objects);
    });
    return result;
  });
}

/// Wraps an emitter of Pock/Target: `FailureOr<T>(ModuleOp)`.
template <typename Emitter>
auto emit(const Source &source, Emitter emitter, StringRef what) {
  return withModule(source, [=](Session &session, ModuleOp module) {
    auto result = emitter(module);
    session.check(success(succeeded(result)), what);
    return std::move(*result);
  });
}

std::string toString(const nb::bytes &bytes) {
  return std::string(bytes.c_str(), bytes.size());
}

nb::bytes toBytes(StringRef text) {
  return nb::bytes(text.data(), text.size());
}

/// The value, or its error as an exception.
template <typename T>
T check(llvm::Expected<T> value) {
  if (!value)
    throw CompilerError(llvm::toString(value.takeError()));
  return std::move(*value);
}

void defineObjectFiles(nb::module_ &m) {
  m.def(
      "link",
      [](const std::vector<std::string> &arguments) {
        if (llvm::Error error = mlir::pock::link(arguments))
          throw CompilerError(llvm::toString(std::move(error)));
      },
      nb::arg("arguments"), nb::call_guard<nb::gil_scoped_release>(),
      "Link files, with the arguments of ld.lld.");
  m.def(
      "localize_hidden",
      [](const nb::bytes &object) {
        return toBytes(check(mlir::pock::localizeHidden(toString(object))));
      },
      nb::arg("object"), "Make hidden symbols local.");
  m.def(
      "remove_sections",
      [](const nb::bytes &object, const std::vector<std::string> &patterns) {
        return toBytes(
            check(mlir::pock::removeSections(toString(object), patterns)));
      },
      nb::arg("object"), nb::arg("patterns"),
      "Remove the sections with names that match one of the glob patterns.");
  m.def(
      "make_archive",
      [](const std::vector<std::pair<std::string, nb::bytes>> &members) {
        std::vector<mlir::pock::ArchiveMember> files;
        for (const auto &[name, bytes] : members)
          files.push_back({name, toString(bytes)});
        return toBytes(check(mlir::pock::makeArchive(files)));
      },
      nb::arg("members"), "A static library of files (name, bytes).");
  m.def(
      "describe_object",
      [](const nb::bytes &object) {
        return check(mlir::pock::describeObject(toString(object)));
      },
      nb::arg("object"),
      "JSON: sections, undefined symbols, frames and references of an object "
      "file.");
}

/// `pock-opt` in this process, which it may configure and end.
int runOpt(std::vector<std::string> arguments) {
  std::vector<char *> pointers;
  for (std::string &argument : arguments)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return mlir::pock::optMain(static_cast<int>(arguments.size()),
                             pointers.data());
}

std::vector<std::string> listPipelines() {
  Session session; // registers the pipelines
  std::vector<std::string> names;
  for (const char *stage :
       {"graph", "training", "schedule", "kernels", "plan", "llvm"})
    if (PassPipelineInfo::lookup("pock-" + std::string(stage) + "-pipeline"))
      names.push_back("pock-" + std::string(stage) + "-pipeline");
  return names;
}

} // namespace

NB_MODULE(_core, m) {
  m.doc() = "The pock-mlir compiler. IR is text or MLIR bytecode.";
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(
      joinAbandoned, nb::call_guard<nb::gil_scoped_release>()));

  nb::dict defaults;
  defaults["stage"] = "";
  defaults["ir"] = "";
  defaults["facts"] = "[]";
  nb::object errorClass = nb::steal(PyErr_NewExceptionWithDoc(
      nb::str("{}.CompilerError").format(m.attr("__name__")).c_str(),
      "The compiler's diagnostics, one per line, with locations.\n\n"
      "run_stages sets `stage` and `ir`: what failed, and its input. `facts` "
      "is what the diagnostics say as data, a JSON list.",
      PyExc_RuntimeError, defaults.ptr()));
  m.attr("CompilerError") = errorClass;
  nb::register_exception_translator(
      [](const std::exception_ptr &pointer, void *payload) {
        try {
          std::rethrow_exception(pointer);
        } catch (const CompilerError &error) {
          auto cls = nb::borrow(static_cast<PyObject *>(payload));
          nb::object instance = cls(error.what());
          instance.attr("stage") = error.stage;
          instance.attr("ir") = error.ir;
          instance.attr("facts") = error.facts;
          PyErr_SetObject(cls.ptr(), instance.ptr());
        }
      },
      errorClass.release().ptr()); // lives as long as the process

  m.def(
      "parse_check",
      [](const Source &ir) {
        return withModule(ir, [](Session &, ModuleOp module) {
          return print(module, false);
        });
      },
      nb::arg("ir"), "Parse and verify; return the IR as MLIR prints it.");
  m.def(
      "run_pipeline",
      [](const Source &ir, const std::string &pipeline, bool locations) {
        return withModule(ir, [=](Session &session, ModuleOp module) {
          session.run(module, pipeline);
          return print(module, locations);
        });
      },
      nb::arg("ir"), nb::arg("pipeline"), nb::arg("print_locations") = false,
      "Run what pock-opt calls --pass-pipeline: 'builtin.module(…)'.");
  m.def("run_stages", runStages, nb::arg("ir"), nb::arg("stages"),
        nb::arg("print_locations") = false,
        "Run (name, pipeline) after one another in one context; return (name, "
        "IR, seconds) each.");
  m.def(
      "plan", plan, nb::arg("ir"), nb::arg("stages"),
      "Run (name, pipeline) after one another; return the manifest and the "
      "costs of the kernels of the result, as `manifest` and `kernel_costs`.");
  m.def("pock_opt", runOpt, nb::arg("arguments"),
        nb::call_guard<nb::gil_scoped_release>(),
        "Be the program pock-opt; returns its exit status. `arguments` begin "
        "with the program's name.");
  m.def("list_pipelines", listPipelines,
        "Names of the registered pipelines, in the order of the stages.");
  m.def(
      "generate",
      [](const Source &ir, const std::string &pipeline) {
        Generated result = generate(ir, pipeline);
        std::vector<nb::bytes> objects;
        for (const std::string &object : result.objects)
          objects.push_back(toBytes(object));
        return std::make_tuple(std::move(objects), result.arithmetic,
                               result.lowering, result.emission);
      },
      nb::arg("ir"), nb::arg("pipeline"),
      "Run a pipeline from stage 'plan' to 'llvm', and generate code: object "
      "files, facts about their arithmetic as JSON, seconds of both parts.");
  m.def(
      "emit_data",
      [](const Source &ir, const std::map<std::string, nb::bytes> &arrays) {
        std::vector<mlir::pock::DataSymbol> symbols;
        for (const auto &[name, bytes] : arrays)
          symbols.push_back({name, toString(bytes)});
        return toBytes(emit(
            ir,
            [=](ModuleOp module) {
              return mlir::pock::emitData(module, symbols);
            },
            "emitting data"));
      },
      nb::arg("ir"), nb::arg("arrays"),
      "An object file with arrays of bytes, by name, for a module's target.");
  auto describe = [&](const char *name, auto describer, const char *doc) {
    m.def(
        name,
        [=](const Source &ir) {
          return emit(ir, describer, "describing the module");
        },
        nb::arg("ir"), doc);
  };
  describe("manifest", mlir::pock::buildManifest,
           "JSON manifest of a module at stage 'plan'.");
  describe("kernel_costs", mlir::pock::describeCosts,
           "JSON: work and launches of a module at stage 'plan'.");
  describe(
      "tuning_space", mlir::pock::describeTuningSpace,
      "JSON: target, and kernels' fingerprints and tiles at stage 'plan'.");
  describe(
      "describe_target", mlir::pock::describeTarget,
      "JSON: the back end of a module's target, and the form of its code.");
  m.def(
      "host_target",
      [] {
        Session session;
        std::string text;
        llvm::raw_string_ostream(text)
            << mlir::pock::getHostTarget(&session.getContext());
        return text;
      },
      "The attribute pock.target of this machine.");
  defineObjectFiles(m);
  m.def("element_types", mlir::pock::describeElementTypes,
        "JSON: name, bits, bytes and kind of each element type.");
  m.def(
      "version", [] { return POCK_VERSION " (MLIR " LLVM_VERSION_STRING ")"; },
      "Version of this package and of the MLIR it is linked with.");
  m.def("build_id", getBuildId,
        "Build identifiers of the compiler and of LLVM, empty if one is "
        "missing.");
}
