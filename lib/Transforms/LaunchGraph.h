//===- LaunchGraph.h - launches as tasks that share memory ------*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_LAUNCHGRAPH_H
#define POCK_LIB_TRANSFORMS_LAUNCHGRAPH_H

#include "../Support/OrderSearch.h"

#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::pock {

/// Whether launch `op` may write its only result over operand `in`: each entry
/// is read before it is written, by one elementwise loop nest.
bool worksInPlace(LaunchOp op, unsigned in, const SymbolTable &symbols);

/// Bytes of workspace that the kernel of `op` asks for.
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

/// What a person calls the place of an op: the first name in its location.
std::string layerOf(Location loc);

/// Which launch of a function needs what, and which must come first. Buffers
/// are the values that launches make, with their bytes in the arena: what lives
/// elsewhere (a parameter, an output) has none.
struct LaunchGraph {
  LaunchGraph(func::FuncOp function, const SymbolTable &symbols);

  /// Launch number `t` is `tasks[t]`, in program order.
  SmallVector<LaunchOp> launches;
  SmallVector<Task, 0> tasks;
  SmallVector<Buffer> buffers;
  /// The launch result that each buffer is.
  SmallVector<Value> values;

private:
  void addLaunch(LaunchOp launch, const SymbolTable &symbols);
  /// Puts what overwrites a parameter behind the readers of its old value.
  void addOverwrites(func::FuncOp function);
  /// Puts what writes a parameter behind what decides whether the function
  /// fails.
  void addFailures();
  /// Puts what follows the loss behind the launch that makes it: reports and
  /// profiles tell the backward pass by that.
  void addPhases(func::FuncOp function);

  DenseMap<Value, int> bufferOf;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_LAUNCHGRAPH_H
