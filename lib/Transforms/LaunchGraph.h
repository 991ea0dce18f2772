//===- LaunchGraph.h - launches as tasks that share memory ------*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_LAUNCHGRAPH_H
#define POCK_LIB_TRANSFORMS_LAUNCHGRAPH_H

#include "../Support/OrderSearch.h"

#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::pock {

/// Whether launch `op` may write its only result over operand `in`: one
/// elementwise loop nest reads each entry before it writes it, or the back end
/// says so (`pock.in_place`).
bool worksInPlace(LaunchOp op, unsigned in, const SymbolTable &symbols);

/// Bytes of workspace of the kernel of `op`.
int64_t workspaceBytes(LaunchOp op, const SymbolTable &symbols);

/// The number of the launch among `launches` that makes the first result of
/// `function`, -1 if none does.
int64_t lossIndexOf(func::FuncOp function, ArrayRef<LaunchOp> launches);

/// The parameter whose old value `value` is, through views; empty if none.
StringRef oldValueOf(Value value);

/// Whether `launch` writes a parameter.
bool writesParameter(LaunchOp launch);

/// Calls `visit` with every failure whose flag `launch` makes.
void forEachFailure(LaunchOp launch, function_ref<void(FailIfOp)> visit);

/// The printed name of the place of an op: the first name in its location.
std::string layerOf(Location loc);

/// Launches as tasks with buffers and dependences. Buffers are the values that
/// launches make, with their bytes in the arena; values elsewhere (a parameter,
/// an output) have zero bytes.
struct LaunchGraph {
  LaunchGraph(func::FuncOp function, const SymbolTable &symbols);

  /// Launch number `t` is `tasks[t]`, in program order.
  SmallVector<LaunchOp> launches;
  SmallVector<Task, 0> tasks;
  SmallVector<Buffer> buffers;
  /// The launch result of each buffer.
  SmallVector<Value> values;

private:
  void addLaunch(LaunchOp launch, const SymbolTable &symbols);
  /// Adds edges from the readers of a parameter's old value to the launch that
  /// overwrites it.
  void addOverwrites(func::FuncOp function);
  /// Adds edges from the makers of failure flags to the launches that write a
  /// parameter.
  void addFailures();
  /// Adds edges from the loss launch to every later launch, so that "after the
  /// loss" still means "backward" in reports and profiles.
  void addPhases(func::FuncOp function);

  DenseMap<Value, int> bufferOf;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_LAUNCHGRAPH_H
