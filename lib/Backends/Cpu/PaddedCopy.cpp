//===- PaddedCopy.cpp - Temporaries that add a border to a buffer ---------===//

#include "PaddedCopy.h"
#include "../Shared/Nest.h"
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
} // namespace

std::optional<PaddedCopy> pock::findPaddedCopy(memref::AllocOp alloc) {
  PaddedCopy padding;
  SmallVector<Box> boxes;
  for (Operation *user : alloc->getUsers()) {
    if (user->getBlock() != alloc->getBlock())
      return std::nullopt;
    if (auto reader = dyn_cast<linalg::GenericOp>(user)) {
      padding.readers.push_back(reader);
      continue;
    }
    auto view = dyn_cast<memref::SubViewOp>(user);
    std::optional<Box> box = view ? Box::get(view) : std::nullopt;
    if (!box || !view->hasOneUse())
      return std::nullopt;
    OpOperand &use = *view->use_begin();
    if (auto copy = dyn_cast<linalg::CopyOp>(use.getOwner());
        copy && !padding.copy && copy.isDpsInit(&use)) {
      padding.copy = copy;
      for (auto [offset, size, extent] : llvm::zip_equal(
               box->offsets, box->sizes, alloc.getType().getShape())) {
        padding.low.push_back(offset);
        padding.high.push_back(extent - offset - size);
      }
    } else if (auto fill = dyn_cast<linalg::FillOp>(use.getOwner());
               fill && fill.isDpsInit(&use)) {
      TypedAttr value;
      if (!matchPattern(fill.value(), m_Constant(&value)) ||
          (padding.value && padding.value != value))
        return std::nullopt;
      padding.value = value;
      padding.fills.push_back(fill);
    } else {
      return std::nullopt;
    }
    boxes.push_back(*box);
  }
  if (!padding.copy || !padding.value || padding.readers.empty())
    return std::nullopt;
  // Together, the boxes must cover the whole buffer.
  int64_t covered = 0;
  for (auto [i, box] : llvm::enumerate(boxes)) {
    covered += llvm::product_of(box.sizes);
    for (const Box &other : ArrayRef<Box>(boxes).drop_front(i + 1))
      if (box.meets(other))
        return std::nullopt;
  }
  if (covered != alloc.getType().getNumElements())
    return std::nullopt;
  return padding;
}

bool PaddedCopy::staysUnchanged() const {
  linalg::CopyOp copy = this->copy;
  Value root = findRoot(copy.getInputs()[0]);
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
