//===- Session.h - one use of the compiler from Python ----------*- C++ -*-===//
//
// An MLIR context with the diagnostics emitted in it. Independent of Python.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_PYTHON_SESSION_H
#define POCK_PYTHON_SESSION_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/JSON.h"

#include <atomic>
#include <stdexcept>
#include <string>

/// An error of the compiler; the text is the diagnostics, one per line.
struct CompilerError : std::runtime_error {
  using std::runtime_error::runtime_error;
  /// The stage that failed, if there are several, and its input.
  std::string stage, ir;
  /// The facts of the diagnostics (Pock/IR/DiagnosticFacts.h) as a JSON list.
  std::string facts = "[]";
};

class Session {
public:
  Session();

  /// Parses and verifies text or bytecode.
  mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef source);

  /// Runs a pipeline in the syntax of pock-opt's `--pass-pipeline`.
  void run(mlir::ModuleOp module, llvm::StringRef pipeline);

  /// Throws the diagnostics, or `what` if there are none, if `result` is a
  /// failure.
  void check(llvm::LogicalResult result, const llvm::Twine &what);

  mlir::MLIRContext &getContext() { return context; }

  /// Requests the end of the running pipeline, from any thread. Its result is
  /// then invalid.
  void cancel() { cancelled = true; }
  bool isCancelled() const { return cancelled; }

private:
  void report(mlir::Diagnostic &diagnostic);

  std::atomic<bool> cancelled = false;
  mlir::MLIRContext context;
  std::string messages;
  llvm::json::Array facts;
  mlir::ScopedDiagnosticHandler handler;
};

/// The module as text.
std::string print(mlir::ModuleOp module, bool locations);

#endif // POCK_PYTHON_SESSION_H
