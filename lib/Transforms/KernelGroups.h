//===- KernelGroups.h - which ops form a kernel -----------------*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_KERNELGROUPS_H
#define POCK_LIB_TRANSFORMS_KERNELGROUPS_H

#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

#include <limits>
#include <memory>

namespace mlir::pock {

/// Ops that run as one kernel.
struct KernelGroup {
  /// In program order.
  SmallVector<Operation *> ops;
  /// Shape that all values computed by the group's last part have, and that an
  /// elementwise op must have to join.
  SmallVector<int64_t> shape;
  /// Place in the order of launches; behind all others until it has one.
  unsigned position = std::numeric_limits<unsigned>::max();
  /// Whether elementwise ops may follow in the same kernel.
  bool takesEpilogue = true;
  /// Belongs to the backward pass.
  bool backward = false;
  /// Is a depthwise convolution of what a convolution in it makes.
  bool byChannels = false;
};

/// Checks that a function is what can be grouped: one block of pock ops on
/// static tensors, with updates lowered and no launches yet.
LogicalResult verifyGroupable(func::FuncOp function);

/// Whether `op` computes nothing that a kernel is needed for: loads, stores,
/// views, and what is cheaper to repeat in every kernel than to keep.
bool isFree(Operation *op);

/// Whether every kernel that reads the result of `op` holds a copy of `op`.
bool isRepeated(Operation *op);

/// Whether the kernel of `reader` may compute `value`, its operand, point by
/// point on the way, if nothing else reads that.
bool computesOnTheWay(Operation *reader, Value value);

/// Whether a value of `type` is little beside one of `shape`: a scale per
/// channel, say. Computing it earlier costs no memory to speak of.
bool isSmall(Type type, ArrayRef<int64_t> shape);

/// Divides the ops of a function into kernels, in launch order. Elementwise ops
/// join
///   * their users, if these are one cluster of elementwise ops of their shape;
///   * then, as a cluster, the reduction that alone reads them, or the
///     transposed convolution whose weight they make, or
///   * the latest of the groups that they read, if the shapes are equal, both
///     are in the same pass and no parameter's old value would be lost. Groups
///     that make something small (the scale of each channel) do not count as
///     latest if they do not need that group: they move in front of it.
/// No group grows beyond `mostOps` that way.
///
/// Holds after construction, and whenever `findProducer` is called:
///   * every op that is not free is in exactly one group (`groupOf`);
///   * `order[i]->position == i`, and a cluster that has no place yet has the
///     largest position there is;
///   * a group stands behind all groups that it reads.
class KernelGroups {
public:
  /// With `reorder`, an update may move up to what makes its gradient.
  KernelGroups(func::FuncOp function, bool reorder, unsigned mostOps);

  ArrayRef<KernelGroup *> getGroups() const { return order; }

  /// The group of `op`, null for free ops.
  KernelGroup *lookup(Operation *op) const { return groupOf.lookup(op); }

  /// Whether `group` may overwrite `param`: no other group from its position
  /// on reads the old value, and none decides whether the function fails.
  bool mayOverwrite(const KernelGroup &group, StringRef param,
                    unsigned position) const;

private:
  void formClusters();
  void formGroups();
  /// Groups that move in front of the group that a cluster joins.
  using MovedGroups = llvm::SmallSetVector<KernelGroup *, 4>;

  /// The group that `cluster` may join as its epilogue, null if there is none.
  /// Moves groups in front of it that the cluster needs as well.
  KernelGroup *findProducer(KernelGroup &cluster);
  /// The last group of which `cluster` reads a result that is not small.
  KernelGroup *findLatestSource(const KernelGroup &cluster) const;
  /// Whether all other groups that `cluster` reads stand in front of
  /// `producer`, or can move there; adds those to `moved`.
  bool canMoveBefore(const KernelGroup &cluster, const KernelGroup &producer,
                     MovedGroups &moved);
  /// Whether `cluster` broadcasts a result of `producer`: as an epilogue it
  /// would need all of that result before its first entry.
  bool broadcasts(const KernelGroup &cluster,
                  const KernelGroup &producer) const;
  /// Whether `cluster`, if it runs in the kernel of `producer`, overwrites a
  /// parameter whose old value is read later.
  bool losesOldValue(const KernelGroup &cluster, const KernelGroup &producer,
                     const MovedGroups &moved) const;
  /// Whether `load` is read by a group that stays behind `producer`, other than
  /// `cluster`.
  bool readsBehind(LoadParamOp load, const KernelGroup &cluster,
                   const KernelGroup &producer, const MovedGroups &moved) const;
  /// Calls `visit` with the groups that `group` reads, the operands, and
  /// whether these are views.
  void
  forEachSource(const KernelGroup &group,
                function_ref<void(KernelGroup *, Value, bool)> visit) const;
  /// Adds to `moved` what must move in front of `anchor` for `group` to stand
  /// there; false if it cannot, or if it is not small beside `shape`.
  bool collectMoved(KernelGroup *group, const KernelGroup &anchor,
                    ArrayRef<int64_t> shape, MovedGroups &moved);
  void moveBefore(KernelGroup *anchor, const MovedGroups &moved);
  /// The group whose only result the depthwise convolution `op` alone reads:
  /// a kernel of both needs that result for a few channels at a time.
  KernelGroup *findExpansion(Operation *op) const;
  /// The group of the transposition whose result the padded convolution `op`
  /// alone reads: one copy can do both.
  KernelGroup *findTransposition(Operation *op) const;
  /// Makes what `source` holds the first part of `group`.
  void absorb(KernelGroup *source, KernelGroup *group);
  KernelGroup *createGroup();
  void assign(Operation *op, KernelGroup *group);

  /// Writes the place of the groups from number `first` on.
  void renumber(unsigned first);

  Block &body;
  bool reorder;
  unsigned mostOps;
  /// The position behind the last group that makes the flag of a failure.
  unsigned firstWrite = 0;
  SmallVector<std::unique_ptr<KernelGroup>> storage;
  SmallVector<KernelGroup *> order;
  DenseMap<Operation *, KernelGroup *> groupOf;
  DenseMap<Operation *, bool> inBackward;
  /// By parameter.
  llvm::StringMap<SmallVector<LoadParamOp>> loads;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_KERNELGROUPS_H
