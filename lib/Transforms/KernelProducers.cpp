//===- KernelProducers.cpp - which group takes a cluster as epilogue ------===//
//
// The decisions behind KernelGroups::findProducer: which group a cluster of
// elementwise ops may join, and which groups have to move for that.
//
//===----------------------------------------------------------------------===//

#include "KernelGroups.h"
#include "Views.h"

#include "Pock/IR/PockUtils.h"
#include "Pock/Target/TargetBackend.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::pock;

bool pock::isSmall(Type type, ArrayRef<int64_t> shape) {
  constexpr int64_t share = 8;
  return cast<ShapedType>(type).getNumElements() * share <=
         llvm::product_of(shape);
}

void KernelGroups::forEachSource(
    const KernelGroup &group,
    function_ref<void(KernelGroup *, Value, bool)> visit) const {
  for (Operation *op : group.ops)
    for (Value operand : op->getOperands()) {
      Value stored = storageOf(operand);
      Operation *source = stored.getDefiningOp();
      KernelGroup *other = source ? groupOf.lookup(source) : nullptr;
      if (other && other != &group)
        visit(other, operand, /*viewed=*/stored != operand);
    }
}

bool KernelGroups::collectMoved(KernelGroup *group, const KernelGroup &anchor,
                                ArrayRef<int64_t> shape, MovedGroups &moved) {
  if (group == &anchor)
    return false;
  if (group->position < anchor.position || moved.contains(group))
    return true;
  for (Operation *op : group->ops)
    for (Value result : op->getResults())
      if (!isSmall(result.getType(), shape) ||
          llvm::any_of(result.getUsers(), llvm::IsaPred<StoreParamOp>))
        return false;
  bool independent = true;
  forEachSource(*group, [&](KernelGroup *source, Value, bool) {
    independent = independent && collectMoved(source, anchor, shape, moved);
  });
  moved.insert(group);
  return independent;
}

void KernelGroups::moveBefore(KernelGroup *anchor, const MovedGroups &moved) {
  if (moved.empty())
    return;
  SmallVector<KernelGroup *> ahead(moved.begin(), moved.end());
  llvm::sort(ahead, [](KernelGroup *a, KernelGroup *b) {
    return a->position < b->position;
  });
  // All of them stand behind the anchor.
  unsigned first = anchor->position;
  order.erase(
      std::remove_if(order.begin() + first, order.end(),
                     [&](KernelGroup *group) { return moved.contains(group); }),
      order.end());
  order.insert(order.begin() + first, ahead.begin(), ahead.end());
  renumber(first);
}

KernelGroup *KernelGroups::findLatestSource(const KernelGroup &cluster) const {
  KernelGroup *latest = nullptr;
  forEachSource(cluster, [&](KernelGroup *group, Value operand, bool) {
    if (!isSmall(operand.getType(), cluster.shape) &&
        (!latest || group->position > latest->position))
      latest = group;
  });
  return latest;
}

/// Whether `cluster` makes the new value of a parameter.
static bool makesUpdate(const KernelGroup &cluster) {
  return llvm::any_of(cluster.ops, [](Operation *op) {
    return llvm::any_of(op->getUsers(), llvm::IsaPred<StoreParamOp>);
  });
}

bool KernelGroups::joinsThroughViews(const KernelGroup &cluster,
                                     const KernelGroup &producer) {
  constexpr int64_t share = 4;
  Operation *root = producer.ops.back();
  return makesUpdate(cluster) && isSmallDevice(root) &&
         getKernelRole(root) == KernelRole::Contraction &&
         bytesOf(root->getResult(0).getType()) * share >=
             limitsAt(root).workingBytes;
}

bool KernelGroups::canMoveBefore(const KernelGroup &cluster,
                                 const KernelGroup &producer,
                                 MovedGroups &moved) {
  bool possible = true, throughViews = joinsThroughViews(cluster, producer);
  forEachSource(cluster, [&](KernelGroup *group, Value operand, bool viewed) {
    // The epilogue reads the producer's result entry by entry: not as any view.
    possible =
        possible && (group == &producer
                         ? !viewed || (throughViews && viewsEntries(operand))
                         : collectMoved(group, producer, cluster.shape, moved));
  });
  return possible;
}

bool KernelGroups::broadcasts(const KernelGroup &cluster,
                              const KernelGroup &producer) const {
  for (Operation *op : cluster.ops)
    for (Value operand : op->getOperands())
      if (Operation *source = operand.getDefiningOp())
        if (groupOf.lookup(source) == &producer &&
            shapeOf(operand) != ArrayRef<int64_t>(cluster.shape))
          return true;
  return false;
}

bool KernelGroups::readsBehind(LoadParamOp load, const KernelGroup &cluster,
                               const KernelGroup &producer,
                               const MovedGroups &moved) const {
  auto isBehind = [&](Operation *reader) {
    KernelGroup *group = groupOf.lookup(reader);
    if (group == &cluster || group == &producer || moved.contains(group))
      return false;
    return !group || group->position >= producer.position;
  };
  if (joinsThroughViews(cluster, producer)) {
    bool found = false;
    forEachReader(load, [&](Operation *reader) { found |= isBehind(reader); });
    return found;
  }
  // Who reads a view is not looked for.
  return llvm::any_of(load->getUsers(), [&](Operation *reader) {
    return isa<ReshapeOp>(reader) || isBehind(reader);
  });
}

bool KernelGroups::losesOldValue(const KernelGroup &cluster,
                                 const KernelGroup &producer,
                                 const MovedGroups &moved) const {
  for (Operation *op : cluster.ops)
    for (Operation *user : op->getUsers())
      if (auto store = dyn_cast<StoreParamOp>(user))
        for (LoadParamOp load : loads.lookup(store.getParam()))
          if (readsBehind(load, cluster, producer, moved))
            return true;
  return false;
}

KernelGroup *KernelGroups::findProducer(KernelGroup &cluster) {
  constexpr auto remarks =
      remark::RemarkOpts::name("epilogue").category("pock-form-kernels");
  Operation *root = cluster.ops.back();
  StringRef name = root->getName().getStringRef();
  auto refuse = [&](StringRef reason) {
    remark::missed(root->getLoc(), remarks)
        << remark::add("{0} begins a kernel: {1}", name, reason);
    return nullptr;
  };
  KernelGroup *producer = findLatestSource(cluster);
  if (!producer)
    return refuse("it reads no large result of a kernel");
  if (!producer->takesEpilogue)
    return refuse("the last kernel that it reads takes no epilogue");
  if (producer->shape != cluster.shape &&
      !(joinsThroughViews(cluster, *producer) &&
        llvm::product_of(producer->shape) == llvm::product_of(cluster.shape)))
    return refuse("the last kernel that it reads has another shape");
  if (producer->backward != cluster.backward)
    return refuse("the last kernel that it reads is in the other pass");
  if (producer->ops.size() + cluster.ops.size() > mostOps)
    return refuse("the kernel would have too many ops");
  MovedGroups moved;
  if (!canMoveBefore(cluster, *producer, moved))
    return refuse("it needs a result that is made later");
  // Without `reorder` an update stays at its place in the program. It may join
  // a group only if no other group stands between.
  if (!reorder && producer != order.back() && makesUpdate(cluster))
    return refuse("updates are not reordered");
  if (broadcasts(cluster, *producer))
    return refuse("it broadcasts the result of the kernel");
  if (losesOldValue(cluster, *producer, moved))
    return refuse("it overwrites a parameter that is read later");
  remark::passed(root->getLoc(), remarks)
      << remark::add("{0} joins the kernel of {1}", name,
                     producer->ops.back()->getName().getStringRef())
      << remark::metric("moved", moved.size());
  moveBefore(producer, moved);
  return producer;
}
