//===- Session.h - one use of the compiler from Python ----------*- C++ -*-===//
//
// An MLIR context with the diagnostics emitted in it. Knows nothing of Python.
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

/// What went wrong: the diagnostics, one per line.
struct CompilerError : std::runtime_error {
  using std::runtime_error::runtime_error;
  /// Which stage of several failed, and what its input was.
  std::string stage, ir;
  /// What the diagnostics say as data (Pock/IR/DiagnosticFacts.h): a JSON list.
  std::string facts = "[]";
};

class Session {
public:
  Session();

  /// Parses and verifies text or bytecode.
  mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef source);

  /// Runs what pock-opt calls `--pass-pipeline`.
  void run(mlir::ModuleOp module, llvm::StringRef pipeline);

  /// Throws the diagnostics if `result` is a failure; `what` stands in for
  /// them where there are none.
  void check(llvm::LogicalResult result, const llvm::Twine &what);

  mlir::MLIRContext &getContext() { return context; }

  /// Asks for what runs to end soon, from any thread; its result is of no use.
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
