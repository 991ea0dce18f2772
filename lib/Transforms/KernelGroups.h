//===- KernelGroups.h - groups of ops that form kernels ------- -*- C++ -*-===//

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
  /// The shape of all values that the group's last part computes; an
  /// elementwise op must have it to join.
  SmallVector<int64_t> shape;
  /// Position in the order of launches; after all others until it is set.
  unsigned position = std::numeric_limits<unsigned>::max();
  /// Whether elementwise ops may follow in the same kernel.
  bool takesEpilogue = true;
  /// Belongs to the backward pass.
  bool backward = false;
  /// Contains a convolution and the depthwise convolution of its result.
  bool byChannels = false;
};

/// Checks that a function can be grouped: one block of pock ops on static
/// tensors, with updates lowered and no launches yet.
LogicalResult verifyGroupable(func::FuncOp function);

/// Whether `op` needs no kernel of its own: loads, stores, views, and values
/// that are cheaper to recompute in every kernel than to keep.
bool isFree(Operation *op);

/// Whether every kernel that reads the result of `op` contains a copy of `op`.
bool isRepeated(Operation *op);

/// Whether `op` unpacks a mask, or is a view of an unpacked one.
bool isMaskPart(Operation *op);

/// Whether values of a few kilobytes matter on the target.
bool isSmallDevice(Operation *op);

/// Whether the kernel of `reader` may compute its operand `value` point by
/// point, if that has no other reader.
bool computesOnTheWay(Operation *reader, Value value);

/// Whether a value of `type` is small compared with one of `shape`, for example
/// a scale per channel. Computing it earlier costs little memory.
bool isSmall(Type type, ArrayRef<int64_t> shape);

/// Divides the ops of a function into kernels, in launch order. Elementwise ops
/// join
///   * their users, if these are one cluster of elementwise ops of their shape;
///   * then, as a cluster, the reduction that alone reads them, or the
///     transposed convolution whose weight they make, or
///   * the latest of the groups that they read, if the shapes are equal, both
///     are in the same pass and no parameter's old value would be lost. Groups
///     that make something small (the scale of each channel) do not count as
///     latest if they do not need that group: they move before it.
/// No group grows beyond `mostOps` that way.
///
/// Holds after construction, and whenever `findProducer` is called:
///   * every op that is not free is in exactly one group (`groupOf`);
///   * `order[i]->position == i`, and a cluster that has no place yet has the
///     largest position there is;
///   * a group stands behind all groups that it reads.
class KernelGroups {
public:
  /// With `reorder`, an update may move up to the group that makes its
  /// gradient.
  KernelGroups(func::FuncOp function, bool reorder, unsigned mostOps);

  ArrayRef<KernelGroup *> getGroups() const { return order; }

  /// The group of `op`, null for free ops.
  KernelGroup *lookup(Operation *op) const { return groupOf.lookup(op); }

  /// Whether `group` may overwrite `param`: no other group from its position on
  /// reads the old value, and none makes the flag of a failure.
  bool mayOverwrite(const KernelGroup &group, StringRef param,
                    unsigned position) const;

private:
  void formClusters();
  /// A packed mask that one cluster alone reads is unpacked in its kernel, so
  /// that its bytes are not kept.
  void takeMasks();
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
  /// Whether `cluster` may join `producer` through views: it is an update, and
  /// the gradient, a sum of products, is large for the target. (Updates of
  /// small parameters stay apart, because equal sums then share their kernel.)
  static bool joinsThroughViews(const KernelGroup &cluster,
                                const KernelGroup &producer);
  /// Adds the views through which `cluster` reads `producer` to the latter.
  void takeViews(const KernelGroup &cluster, KernelGroup *producer);
  /// Whether `load` is read by a group that stays behind `producer`, other than
  /// `cluster`.
  bool readsBehind(LoadParamOp load, const KernelGroup &cluster,
                   const KernelGroup &producer, const MovedGroups &moved) const;
  /// Calls `visit` with the groups that `group` reads, the operands, and
  /// whether these are views.
  void
  forEachSource(const KernelGroup &group,
                function_ref<void(KernelGroup *, Value, bool)> visit) const;
  /// Adds the groups to `moved` that must move before `anchor` so that `group`
  /// can precede it. False if one cannot, or is not small compared with
  /// `shape`.
  bool collectMoved(KernelGroup *group, const KernelGroup &anchor,
                    ArrayRef<int64_t> shape, MovedGroups &moved);
  void moveBefore(KernelGroup *anchor, const MovedGroups &moved);
  /// The group whose only result the depthwise convolution `op` alone reads:
  /// a kernel of both needs that result for a few channels at a time.
  KernelGroup *findExpansion(Operation *op) const;
  /// The group of the transposition whose only reader is the padded convolution
  /// `op`: one copy can do both.
  KernelGroup *findTransposition(Operation *op) const;
  /// Makes the ops of `source` the first part of `group`.
  void absorb(KernelGroup *source, KernelGroup *group);
  KernelGroup *createGroup();
  void assign(Operation *op, KernelGroup *group);

  /// Updates the positions of the groups from number `first` on.
  void renumber(unsigned first);

  Block &body;
  bool reorder;
  unsigned mostOps;
  /// The position after the last group that makes the flag of a failure.
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
