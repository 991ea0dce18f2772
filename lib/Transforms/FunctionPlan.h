//===- FunctionPlan.h - where the values of a function live -----*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_FUNCTIONPLAN_H
#define POCK_LIB_TRANSFORMS_FUNCTIONPLAN_H

#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

#include <memory>

namespace mlir::pock {

/// One of the values that live at a place, one after the other: an elementwise
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

/// Where a value lives.
struct Place {
  enum Kind { Constants, State, Arena, Input, Output } kind = Arena;
  /// Byte offset in the segment, or number of the input or output.
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

  /// How values may lie.
  struct Options {
    int64_t alignment = 64;
    /// Whether an elementwise kernel may write over an operand that dies.
    bool inPlace = true;
    /// Whether values that do not live at the same time may share bytes.
    bool reuse = true;
    /// Bytes that stay free in front of and behind every value.
    int64_t guard = 0;
  };

  /// Places all values; fails with an error where an old value of a parameter
  /// would be read after it is overwritten, a kernel writes its input, or a
  /// parameter is written in front of a failure.
  LogicalResult run(const Options &options);

  /// The place of `value`.
  const Place &placeOf(Value value) const { return *places.at(value); }
  /// Workspace of launch number `index`, null if it needs none.
  const Place *workspaceOf(int64_t index) const {
    return workspaces[index].get();
  }
  ArrayRef<LaunchOp> getLaunches() const { return launches; }
  /// Where the function may fail: behind so many launches.
  ArrayRef<std::pair<FailIfOp, int64_t>> getFailures() const {
    return failures;
  }
  /// Every place in the arena, in order of creation.
  SmallVector<const Place *> getArenaPlaces() const;
  /// The launch that makes the first result, -1 if there is none.
  int64_t getLossIndex() const;

  /// Bytes of the arena, and the least that this order of launches needs.
  int64_t getPeak() const { return peak; }
  int64_t getLowerBound() const { return bound; }
  /// Bytes that the backward pass reads of the forward pass.
  int64_t getSaved() const;
  /// Most bytes made by the backward pass that live at one time.
  int64_t getGradients() const;
  int64_t getLargestWorkspace() const;
  /// Live bytes at each launch.
  SmallVector<int64_t> getTimeline() const;

private:
  LogicalResult collect();
  LogicalResult checkOverwrites();
  LogicalResult checkFailures();
  LogicalResult placeReturned();
  /// The place of what `user` uses; an error there if nothing has written it.
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
