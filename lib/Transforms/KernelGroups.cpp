//===- KernelGroups.cpp - groups of ops that form kernels -----------------===//

#include "KernelGroups.h"

#include "StepPhases.h"
#include "Views.h"

#include "Pock/IR/PockUtils.h"
#include "Pock/Target/TargetBackend.h"

using namespace mlir;
using namespace mlir::pock;

LogicalResult pock::verifyGroupable(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("expected a body of one block");
  auto isStatic = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape();
  };
  if (!llvm::all_of(function.getArgumentTypes(), isStatic))
    return function.emitOpError("expected arguments that are static tensors");
  for (Operation &op : function.getBody().front()) {
    if (isa<SparseUpdateOp>(op))
      return op.emitOpError(
          "expected updates to be lowered (pock-lower-updates)");
    if (!isa<func::ReturnOp>(op) &&
        (getKernelRole(&op) == KernelRole::Absent ||
         !llvm::all_of(op.getResultTypes(), isStatic)))
      return op.emitOpError("expected only ops with a role in a kernel, on "
                            "static tensors");
  }
  return success();
}

bool pock::isRepeated(Operation *op) {
  if (auto view = dyn_cast<ReshapeOp>(op)) {
    Operation *source = storageOf(view).getDefiningOp();
    return source && isRepeated(source);
  }
  return getKernelRole(op) == KernelRole::Constant;
}

bool pock::isMaskPart(Operation *op) {
  while (isa_and_present<ReshapeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return isa_and_present<UnpackBitsOp>(op);
}

/// A value of fewer bytes fits in the cache of a large processor.
static constexpr int64_t kFewBytes = 1 << 17;

bool pock::isSmallDevice(Operation *op) {
  return limitsAt(op).workingBytes * 4 < kFewBytes;
}

bool pock::isFree(Operation *op) {
  KernelRole role = getKernelRole(op);
  return role == KernelRole::Constant || role == KernelRole::View ||
         role == KernelRole::Boundary || op->hasTrait<OpTrait::IsTerminator>();
}

/// Whether `op` can be part of a loop nest over the shape of its result.
static bool isPointwise(Operation *op) {
  return getKernelRole(op) == KernelRole::Elementwise;
}

/// Whether `op` reads the trained part of a parameter for an update.
static bool isParamSlice(Operation *op) {
  auto slice = dyn_cast<SliceOp>(op);
  return slice && slice.getInput().getDefiningOp<LoadParamOp>();
}

/// Whether `op` writes the trained part of a parameter after an update.
static bool isParamInsert(Operation *op) {
  auto insert = dyn_cast<InsertSliceOp>(op);
  return insert && insert.getDest().getDefiningOp<LoadParamOp>();
}

static Value absorbedOperand(Operation *op) {
  // The real value of a quantised input.
  if (auto gradient = dyn_cast<ConvWeightGradOp>(op))
    if (gradient.getInput().getDefiningOp<DequantizeOp>())
      return gradient.getInput();
  auto kernelOp = dyn_cast<KernelRoleOpInterface>(op);
  return kernelOp ? kernelOp.getAbsorbedOperand() : Value();
}

/// Whether the only reader of `cluster` is one op that may compute it point by
/// point. False for an anchored group.
static bool isAbsorbed(const KernelGroup &cluster) {
  Operation *root = cluster.ops.back();
  return llvm::all_of(
             cluster.ops,
             [](Operation *op) { return isPointwise(op) || isMaskPart(op); }) &&
         root->hasOneUse() &&
         absorbedOperand(*root->getUsers().begin()) == root->getResult(0);
}

/// The shape of the loop nest of `op`.
static ArrayRef<int64_t> nestShape(Operation *op) {
  if (auto insert = dyn_cast<InsertSliceOp>(op))
    return shapeOf(insert.getSource());
  return shapeOf(op->getResult(0));
}

bool pock::computesOnTheWay(Operation *reader, Value value) {
  return absorbedOperand(reader) == value ||
         (isPointwise(reader) && nestShape(reader) == shapeOf(value));
}

KernelGroups::KernelGroups(func::FuncOp function, bool reorder,
                           unsigned mostOps)
    : body(function.getBody().front()), reorder(reorder), mostOps(mostOps) {
  StepPhases phases(function);
  for (Operation &op : body) {
    inBackward[&op] = phases.isBackward(&op);
    if (auto load = dyn_cast<LoadParamOp>(op))
      loads[load.getParam()].push_back(load);
  }
  formClusters();
  takeMasks();
  formGroups();
  for (auto failure : body.getOps<FailIfOp>())
    if (Operation *maker = storageOf(failure.getFlag()).getDefiningOp())
      if (KernelGroup *group = groupOf.lookup(maker))
        firstWrite = std::max(firstWrite, group->position + 1);
}

KernelGroup *KernelGroups::createGroup() {
  storage.push_back(std::make_unique<KernelGroup>());
  return storage.back().get();
}

void KernelGroups::assign(Operation *op, KernelGroup *group) {
  group->ops.push_back(op);
  groupOf[op] = group;
}

/// Whether `op` is the only reader of a contraction, whose kernel may take it
/// as its epilogue.
static bool endsContraction(Operation *op) {
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    Operation *source = operand.getDefiningOp();
    return source && operand.hasOneUse() &&
           getKernelRole(source) == KernelRole::Contraction &&
           shapeOf(operand) == nestShape(op);
  });
}

/// Step 1: trees of elementwise ops of one shape with one root. A tree reads
/// the result of at most one contraction. A tree that summed several (the
/// partial gradients of a weight used many times) would keep all of them until
/// the last. If the tree is cut, each sum is the epilogue of its own
/// contraction.
void KernelGroups::formClusters() {
  llvm::SmallPtrSet<KernelGroup *, 8> endContraction;
  for (Operation &op : llvm::reverse(body)) {
    if (!isPointwise(&op) && !isParamSlice(&op) && !isParamInsert(&op))
      continue;
    KernelGroup *cluster = nullptr;
    for (Operation *user : op.getUsers()) {
      KernelGroup *other = isFree(user) ? nullptr : groupOf.lookup(user);
      if (!other || (cluster && cluster != other)) {
        cluster = nullptr;
        break;
      }
      cluster = other;
    }
    if (cluster && (ArrayRef<int64_t>(cluster->shape) != nestShape(&op) ||
                    cluster->backward != inBackward.lookup(&op) ||
                    cluster->ops.size() >= mostOps))
      cluster = nullptr;
    bool ends = endsContraction(&op);
    if (cluster && ends && endContraction.contains(cluster))
      cluster = nullptr;
    if (!cluster) {
      if (isParamSlice(&op))
        continue;
      cluster = createGroup();
      cluster->shape = llvm::to_vector(nestShape(&op));
      cluster->backward = inBackward.lookup(&op);
    }
    assign(&op, cluster);
    if (ends)
      endContraction.insert(cluster);
  }
  for (auto &cluster : storage)
    std::reverse(cluster->ops.begin(), cluster->ops.end());
}

void KernelGroups::takeMasks() {
  for (auto &cluster : storage) {
    SmallVector<Operation *> taken;
    for (Operation *op : cluster->ops)
      for (Value operand : op->getOperands()) {
        SmallVector<Operation *> chain;
        for (Operation *source = operand.getDefiningOp();
             source && source->hasOneUse();
             source = source->getOperand(0).getDefiningOp()) {
          chain.push_back(source);
          if (!isa<ReshapeOp>(source))
            break;
        }
        if (!chain.empty() && isa<UnpackBitsOp>(chain.back()) &&
            inBackward.lookup(chain.back()) == cluster->backward)
          taken.append(chain.rbegin(), chain.rend());
      }
    for (Operation *op : taken)
      groupOf[op] = cluster.get();
    cluster->ops.insert(cluster->ops.begin(), taken.begin(), taken.end());
  }
}

/// Step 2: walks in program order. A cluster is handled at its root, its last
/// op.
void KernelGroups::formGroups() {
  for (Operation &op : body) {
    if (isFree(&op))
      continue;
    KernelGroup *group = groupOf.lookup(&op);
    if (!group) {
      group = createGroup();
      // The sole reader of a cluster may compute it point by point.
      if (Value operand = absorbedOperand(&op))
        if (Operation *source = operand.getDefiningOp())
          if (KernelGroup *cluster = groupOf.lookup(source);
              cluster && isAbsorbed(*cluster))
            for (Operation *member : cluster->ops)
              assign(member, group);
      if (KernelGroup *source = findTransposition(&op)) {
        absorb(source, group);
      } else if (KernelGroup *source = findExpansion(&op)) {
        absorb(source, group);
        group->byChannels = true;
      }
      assign(&op, group);
      group->shape = llvm::to_vector(nestShape(&op));
      group->backward = inBackward.lookup(&op);
      group->takesEpilogue = cast<KernelRoleOpInterface>(op).takesEpilogue();
    } else if (&op != group->ops.back()) {
      continue;
    } else if (isAbsorbed(*group)) {
      continue;
    } else if (KernelGroup *producer = findProducer(*group)) {
      takeViews(*group, producer);
      for (Operation *member : group->ops)
        assign(member, producer);
      continue;
    }
    group->position = order.size();
    order.push_back(group);
  }
}

void KernelGroups::takeViews(const KernelGroup &cluster,
                             KernelGroup *producer) {
  for (Operation *op : cluster.ops)
    for (Value operand : op->getOperands()) {
      Operation *source = storageOf(operand).getDefiningOp();
      if (!source || groupOf.lookup(source) != producer)
        continue;
      SmallVector<Operation *> views;
      for (; operand.getDefiningOp() != source;
           operand = views.back()->getOperand(0))
        views.push_back(operand.getDefiningOp());
      for (Operation *view : llvm::reverse(views))
        assign(view, producer);
    }
}

/// Whether `op` is a 1x1 convolution, which needs no padded copy.
static bool isPointwiseConv(Operation *op) {
  auto conv = dyn_cast<ConvOp>(op);
  return conv && conv.getGroups() == 1 &&
         llvm::product_of(shapeOf(conv.getWeight())) ==
             shapeOf(conv.getInput()).back() *
                 shapeOf(conv.getResult()).back() &&
         conv.getLayout() != Layout::ChannelsFirst;
}

KernelGroup *KernelGroups::findExpansion(Operation *op) const {
  // Without blocks of channels, the kernel would have the whole result.
  if (limitsAt(op).threadPerPoint)
    return nullptr;
  // A result that fits in the cache is better made at once than in blocks of
  // channels.
  int64_t fewBytes = kFewBytes;
  int64_t fewChannels = 32;
  auto conv = dyn_cast<ConvOp>(op);
  // On small devices, such a result of bytes sets the peak of memory. Blocks of
  // a few channels cost nothing there, because they are copied anyway.
  if (conv && conv.getInput().getType().getElementType().isInteger(8)) {
    // Elsewhere, bytes are small, and sums of them fastest over all channels.
    if (!isSmallDevice(op))
      return nullptr;
    fewBytes = 4 * limitsAt(op).workingBytes;
    fewChannels = 8;
  }
  if (!conv || conv.getLayout() == Layout::ChannelsFirst ||
      conv.getGroups() == 1 ||
      static_cast<int64_t>(conv.getGroups()) !=
          shapeOf(conv.getInput()).back() ||
      shapeOf(conv.getInput()).back() < fewChannels ||
      !conv.getInput().hasOneUse() ||
      bytesOf(conv.getInput().getType()) < fewBytes)
    return nullptr;
  Operation *root = conv.getInput().getDefiningOp();
  KernelGroup *group = root ? groupOf.lookup(root) : nullptr;
  if (!group || group->ops.back() != root ||
      group->backward != inBackward.lookup(op) || group->byChannels)
    return nullptr;
  unsigned convolutions = 0;
  for (Operation *member : group->ops) {
    convolutions += isa<ConvOp>(member);
    for (Operation *user : member->getUsers())
      if (member != root && groupOf.lookup(user) != group)
        return nullptr;
    if (!isPointwise(member) && !isPointwiseConv(member))
      return nullptr;
  }
  return convolutions == 1 ? group : nullptr;
}

KernelGroup *KernelGroups::findTransposition(Operation *op) const {
  auto conv = dyn_cast<ConvOp>(op);
  auto isZero = [](int64_t border) { return border == 0; };
  if (!conv || !conv.getInput().hasOneUse() ||
      !conv.getInput().getDefiningOp<TransposeOp>() ||
      (llvm::all_of(conv.getPadLow(), isZero) &&
       llvm::all_of(conv.getPadHigh(), isZero)))
    return nullptr;
  KernelGroup *group = groupOf.lookup(conv.getInput().getDefiningOp());
  return group->ops.size() == 1 && group->backward == inBackward.lookup(op)
             ? group
             : nullptr;
}

void KernelGroups::absorb(KernelGroup *source, KernelGroup *group) {
  for (Operation *member : source->ops)
    assign(member, group);
  unsigned position = source->position;
  order.erase(order.begin() + position);
  renumber(position);
}

void KernelGroups::renumber(unsigned first) {
  for (unsigned position = first; position < order.size(); ++position)
    order[position]->position = position;
}

bool KernelGroups::mayOverwrite(const KernelGroup &group, StringRef param,
                                unsigned position) const {
  bool safe = position >= firstWrite;
  for (LoadParamOp load : loads.lookup(param))
    forEachReader(load, [&](Operation *reader) {
      KernelGroup *other = groupOf.lookup(reader);
      if (other != &group && (!other || other->position >= position))
        safe = false;
    });
  return safe;
}
