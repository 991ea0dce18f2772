//===- PackMasks.cpp - pack saved masks to one bit per entry --------------===//
//
// A bool takes a byte in memory. Masks that the forward pass saves for the
// backward pass are packed where they are made, and unpacked before their first
// reader. A mask of values of the forward pass is computed in planes, so that
// its bytes never exist.
//
// Needs a function that returns the loss first and holds the forward pass, then
// the backward pass, in one block. Guarantees the same results.
//
//===----------------------------------------------------------------------===//

#include "KernelGroups.h"
#include "StepPhases.h"
#include "Views.h"

#include "Pock/IR/PockUtils.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_PACKMASKS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
constexpr int64_t bitsPerByte = 8;
/// Masks with fewer entries are not packed: two launches would cost more.
constexpr int64_t fewEntries = 1024;

struct PackMasks : public ::mlir::pock::impl::PackMasksBase<PackMasks> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    StepPhases phases(getOperation());
    if (!phases.getLoss())
      return;
    SmallVector<Value> masks;
    for (Operation &op : getOperation().getBody().front())
      if (!phases.isBackward(&op) && !isa<ReshapeOp, ConstantOp>(op))
        for (Value result : op.getResults())
          if (isWorthPacking(result, phases))
            masks.push_back(result);
    for (Value mask : masks)
      pack(mask, phases);
  }

private:
  static bool isWorthPacking(Value value, const StepPhases &phases) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.getElementType().isInteger(1) ||
        type.getNumElements() < fewEntries ||
        type.getNumElements() % bitsPerByte != 0)
      return false;
    bool kept = false;
    forEachReader(value, [&](Operation *reader) {
      kept |= phases.isBackward(reader) &&
              !reader->hasTrait<OpTrait::IsTerminator>();
    });
    return kept;
  }

  static void pack(Value mask, const StepPhases &phases) {
    Operation *maker = mask.getDefiningOp();
    Location loc = mask.getLoc();
    OpBuilder b(maker->getContext());
    b.setInsertionPointAfter(maker);
    Value packed =
        PackBitsOp::create(b, loc, buildPlanes(b, mask, planesOf(mask)));
    replaceReaders(mask, packed, phases);
    eraseUnused(mask);
  }

  /// The shape of `mask` in planes, `[8, bytes]`. The last dimension, that of
  /// channels, stays if it can: kernels that read few channels at a time unpack
  /// these.
  static SmallVector<int64_t> planesOf(Value mask) {
    ArrayRef<int64_t> shape = shapeOf(mask);
    int64_t rows = llvm::product_of(shape.drop_back());
    if (shape.size() > 1 && rows % bitsPerByte == 0)
      return {bitsPerByte, rows / bitsPerByte, shape.back()};
    return {bitsPerByte, rows * shape.back() / bitsPerByte};
  }

  /// `mask` in the shape `planes`, computed in it if possible.
  static Value buildPlanes(OpBuilder &b, Value mask, ArrayRef<int64_t> planes) {
    Operation *op = mask.getDefiningOp();
    // Values that every kernel recomputes are not in memory, so they have no
    // views.
    auto isWhole = [&](Value operand) {
      Operation *maker = storageOf(operand).getDefiningOp();
      return shapeOf(operand) == shapeOf(mask) && !(maker && isRepeated(maker));
    };
    // A value of one entry broadcasts to any shape of the same rank.
    auto isScalar = [](Value operand) {
      return shapeOf(operand).size() <= 2 &&
             llvm::product_of(shapeOf(operand)) == 1;
    };
    auto kernelOp = dyn_cast_or_null<KernelRoleOpInterface>(op);
    if (!kernelOp || !kernelOp.makesMask() ||
        !llvm::all_of(op->getOperands(), [&](Value operand) {
          return isWhole(operand) || isScalar(operand);
        }))
      return reshapeTo(b, mask.getLoc(), mask, planes);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      auto type = cast<RankedTensorType>(operand.getType());
      if (isScalar(operand))
        operands.push_back(operand);
      else if (type.getElementType().isInteger(1))
        operands.push_back(buildPlanes(b, operand, planes));
      else
        operands.push_back(reshapeTo(b, mask.getLoc(), operand, planes));
    }
    OperationState state(mask.getLoc(), op->getName());
    state.addOperands(operands);
    state.addTypes(RankedTensorType::get(planes, b.getI1Type()));
    state.addAttributes(op->getAttrs());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    return b.create(state)->getResult(0);
  }

  /// Makes the readers of `mask` in the backward pass read the unpacked mask,
  /// which is made before the first of them.
  static void replaceReaders(Value mask, Value packed,
                             const StepPhases &phases) {
    SmallVector<OpOperand *> uses;
    Operation *first = nullptr;
    collectUses(mask, phases, uses);
    for (OpOperand *use : uses)
      if (!first || use->getOwner()->isBeforeInBlock(first))
        first = use->getOwner();
    OpBuilder b(first);
    Value planes = UnpackBitsOp::create(b, first->getLoc(), packed);
    for (OpOperand *use : uses) {
      b.setInsertionPoint(use->getOwner());
      use->set(reshapeTo(b, first->getLoc(), planes, shapeOf(use->get())));
    }
  }

  /// The uses of `value` and of views of it by ops of the backward pass.
  static void collectUses(Value value, const StepPhases &phases,
                          SmallVectorImpl<OpOperand *> &uses) {
    for (OpOperand &use : value.getUses()) {
      Operation *owner = use.getOwner();
      if (isa<ReshapeOp>(owner))
        collectUses(owner->getResult(0), phases, uses);
      else if (phases.isBackward(owner) &&
               !owner->hasTrait<OpTrait::IsTerminator>())
        uses.push_back(&use);
    }
  }

  /// Erases views of `value`, and views of these, that nothing reads.
  static void eraseUnusedViews(Value value) {
    for (Operation *user : llvm::make_early_inc_range(value.getUsers())) {
      if (!isa<ReshapeOp>(user))
        continue;
      eraseUnusedViews(user->getResult(0));
      if (user->use_empty())
        user->erase();
    }
  }

  /// Erases the op that makes `value`, and ops that only it reads, if they have
  /// no other readers.
  static void eraseUnused(Value value) {
    eraseUnusedViews(value);
    Operation *op = value.getDefiningOp();
    if (!op || !op->use_empty() || !isMemoryEffectFree(op))
      return;
    SmallVector<Value> operands(op->getOperands());
    op->erase();
    for (Value operand : operands)
      if (cast<RankedTensorType>(operand.getType())
              .getElementType()
              .isInteger(1))
        eraseUnused(operand);
  }
};
} // namespace
