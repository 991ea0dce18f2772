//===- FunctionPlan.h - plan of the memory of a function ------ -*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_FUNCTIONPLAN_H
#define POCK_LIB_TRANSFORMS_FUNCTIONPLAN_H

#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

#include <memory>

namespace mlir::pock {

/// One of the values that occupy a place, one after the other: an elementwise
/// kernel may write its result over its operand.
struct Content {
  /// Null for the workspace of a kernel.
  Type type;
  /// Launches from the write to the last use, both included. The next content
  /// begins with the launch in which this one ends.
  int64_t begin = 0, end = 0;
  /// Whether it is truth values, a byte or a bit each.
  bool isMask = false;
};

/// The location of a value.
struct Place {
  enum Kind { Constants, State, Arena, Input, Output } kind = Arena;
  /// Byte offset in the segment, or index of the input or output.
  int64_t offset = 0;
  int64_t bytes = 0;
  /// Launches from the first write to the last use, both included (arena only).
  int64_t begin = 0, end = 0;
  /// In order of time (arena only).
  SmallVector<Content, 1> contents;
};

/// The plan of one function on tensors whose body is launches, loads, views
/// and stores.
class FunctionPlan {
public:
  /// `params` gives the place of each parameter.
  FunctionPlan(func::FuncOp function, const llvm::StringMap<Place> &params)
      : function(function), params(params) {}

  /// Options of the placement.
  struct Options {
    int64_t alignment = 64;
    /// Whether an elementwise kernel may write over an operand that dies.
    bool inPlace = true;
    /// Whether values that do not live at the same time may share bytes.
    bool reuse = true;
    /// Bytes that stay free before and after every value.
    int64_t guard = 0;
  };

  /// Places all values. Fails with an error if an old value of a parameter
  /// would be read after it is overwritten, if a kernel writes its input, or if
  /// a parameter is written before a failure.
  LogicalResult run(const Options &options);

  /// The place of `value`.
  const Place &placeOf(Value value) const { return *places.at(value); }
  /// The workspace of launch number `index`; null if it needs none.
  const Place *workspaceOf(int64_t index) const {
    return workspaces[index].get();
  }
  ArrayRef<LaunchOp> getLaunches() const { return launches; }
  /// The failures of the function, each with the number of launches before it.
  ArrayRef<std::pair<FailIfOp, int64_t>> getFailures() const {
    return failures;
  }
  /// Every place in the arena, in order of creation.
  SmallVector<const Place *> getArenaPlaces() const;
  /// The launch that makes the first result, -1 if there is none.
  int64_t getLossIndex() const;

  /// Bytes of the arena, and the lower bound for this order of launches.
  int64_t getPeak() const { return peak; }
  int64_t getLowerBound() const { return bound; }
  /// Bytes of the forward pass that the backward pass reads.
  int64_t getSaved() const;
  /// Maximum of live bytes that the backward pass has made.
  int64_t getGradients() const;
  int64_t getLargestWorkspace() const;
  /// Live bytes at each launch.
  SmallVector<int64_t> getTimeline() const;

private:
  LogicalResult collect();
  /// Whether the caller puts an input into the arena (`pock.arena_inputs`).
  bool isInArena(BlockArgument argument);
  LogicalResult checkOverwrites();
  LogicalResult checkFailures();
  LogicalResult placeReturned();
  /// The place of a value that `user` uses; emits an error there if it is not
  /// written.
  FailureOr<std::shared_ptr<Place>> find(Operation *user, Value value);
  void reuseDying();

  func::FuncOp function;
  const llvm::StringMap<Place> &params;
  SmallVector<LaunchOp> launches;
  SmallVector<std::pair<FailIfOp, int64_t>> failures;
  DenseMap<Value, std::shared_ptr<Place>> places;
  /// Places of values and workspace, those of returned values too.
  SmallVector<std::shared_ptr<Place>> arena;
  SmallVector<std::shared_ptr<Place>> workspaces;
  int64_t peak = 0, bound = 0;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_FUNCTIONPLAN_H
