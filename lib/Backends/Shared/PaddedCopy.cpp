//===- PaddedCopy.cpp - Buffers that add a border to another one ----------===//

#include "PaddedCopy.h"
#include "Nest.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
/// A box of a buffer.
struct Box {
  SmallVector<int64_t> offsets, sizes;

  static std::optional<Box> get(memref::SubViewOp view) {
    Box box{SmallVector<int64_t>(view.getStaticOffsets()),
            SmallVector<int64_t>(view.getStaticSizes())};
    auto isOne = [](int64_t stride) { return stride == 1; };
    if (llvm::any_of(box.offsets, ShapedType::isDynamic) ||
        !llvm::all_of(view.getStaticStrides(), isOne) ||
        view.getDroppedDims().any())
      return std::nullopt;
    return box;
  }
  bool meets(const Box &other) const {
    for (auto [a, n, b, m] :
         llvm::zip_equal(offsets, sizes, other.offsets, other.sizes))
      if (a + n <= b || b + m <= a)
        return false;
    return true;
  }
};

/// Whether `op` writes its only operand, a buffer or a number, to all of its
/// out.
bool movesOperand(linalg::LinalgOp op) {
  if (isa<linalg::CopyOp, linalg::FillOp>(op.getOperation()))
    return true;
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic || generic.getNumDpsInputs() != 1 ||
      generic.getNumDpsInits() != 1 || generic.getNumReductionLoops())
    return false;
  Block &body = *generic.getBody();
  AffineMap in = generic.getIndexingMapsArray().front();
  return body.getTerminator()->getOperand(0) == body.getArgument(0) &&
         generic.getIndexingMapsArray().back().isIdentity() &&
         (in.isIdentity() || in.getNumResults() == 0);
}
} // namespace

/// The operations that read `view`, if these are all its users.
static SmallVector<linalg::GenericOp> readersOf(memref::SubViewOp view) {
  SmallVector<linalg::GenericOp> readers;
  for (OpOperand &use : view->getUses()) {
    auto reader = dyn_cast<linalg::GenericOp>(use.getOwner());
    if (!reader || reader.isDpsInit(&use) ||
        reader->getBlock() != view->getBlock())
      return {};
    readers.push_back(reader);
  }
  return readers;
}

std::optional<PaddedCopy> pock::findPaddedCopy(TypedValue<MemRefType> buffer,
                                               bool throughViews) {
  PaddedCopy padding;
  SmallVector<Box> boxes;
  for (Operation *user : buffer.getUsers()) {
    if (user->getBlock() != buffer.getParentBlock())
      return std::nullopt;
    if (auto reader = dyn_cast<linalg::GenericOp>(user);
        reader && !llvm::is_contained(reader.getDpsInits(), buffer)) {
      padding.readers.push_back(reader);
      continue;
    }
    auto view = dyn_cast<memref::SubViewOp>(user);
    if (view && throughViews)
      if (auto readers = readersOf(view); !readers.empty()) {
        llvm::append_range(padding.readers, readers);
        continue;
      }
    std::optional<Box> box = view ? Box::get(view) : std::nullopt;
    if (!box || !view->hasOneUse())
      return std::nullopt;
    OpOperand &use = *view->use_begin();
    auto writer = dyn_cast<linalg::LinalgOp>(use.getOwner());
    if (!writer || !writer.isDpsInit(&use) || !movesOperand(writer))
      return std::nullopt;
    Value moved = writer->getOperand(0);
    if (isa<MemRefType>(moved.getType())) {
      if (padding.copy)
        return std::nullopt;
      padding.copy = writer;
      for (auto [offset, size, extent] : llvm::zip_equal(
               box->offsets, box->sizes, buffer.getType().getShape())) {
        padding.low.push_back(offset);
        padding.high.push_back(extent - offset - size);
      }
    } else {
      TypedAttr value;
      if (!matchPattern(moved, m_Constant(&value)) ||
          (padding.value && padding.value != value))
        return std::nullopt;
      padding.value = value;
      padding.fills.push_back(writer);
    }
    boxes.push_back(*box);
  }
  if (!padding.copy || !padding.value)
    return std::nullopt;
  // Together, the boxes must cover the whole buffer.
  int64_t covered = 0;
  for (auto [i, box] : llvm::enumerate(boxes)) {
    covered += llvm::product_of(box.sizes);
    for (const Box &other : ArrayRef<Box>(boxes).drop_front(i + 1))
      if (box.meets(other))
        return std::nullopt;
  }
  if (covered != buffer.getType().getNumElements())
    return std::nullopt;
  return padding;
}

bool PaddedCopy::staysUnchanged() const {
  if (readers.empty())
    return false;
  linalg::LinalgOp copy = this->copy;
  Value root = findRoot(copy->getOperand(0));
  Operation *last = readers.front();
  for (linalg::GenericOp reader : readers)
    if (last->isBeforeInBlock(reader))
      last = reader;
  for (Operation *op = copy->getNextNode();; op = op->getNextNode()) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (!linalgOp && !isa<memref::AllocOp>(op) && !isMemoryEffectFree(op))
      return false;
    if (linalgOp)
      for (Value out : linalgOp.getDpsInits())
        if (findRoot(out) == root)
          return false;
    if (op == last)
      return true;
  }
}
