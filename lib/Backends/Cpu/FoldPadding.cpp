//===- FoldPadding.cpp - No copies that only add a border -----------------===//
//
// A padded operand of a convolution is a temporary: the border is filled, and
// the operand is copied into the rest. If its only readers are sums over
// windows, to which the border adds nothing, they read the operand itself,
// through a view whose border has no memory (`pock.padded_view`).
//
// Needs bufferized kernels. Guarantees the same results, except if weights are
// infinite, whose products with a border are NaN. Does not change sums over
// channels: they are fastest with tiles of equal size, and a copy costs them
// little. Does not handle windows with many different borders, because each
// border needs code of its own.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FOLDPADDING
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The maximum number of runs of points with the same taps along one dimension;
/// each run has code of its own.
constexpr size_t kMostRuns = 7;

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

/// The operations that make a temporary a padded copy.
struct Padding {
  linalg::CopyOp copy;
  SmallVector<linalg::FillOp> fills;
  SmallVector<linalg::GenericOp> readers;
  TypedAttr value;
  SmallVector<int64_t> low, high;
};

/// The operations of `alloc` if it is a padded copy that only sums read.
std::optional<Padding> findPadding(memref::AllocOp alloc) {
  Padding padding;
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

/// Whether the sum of `op` does not change if `operand` has the value `value`.
bool addsNothing(linalg::GenericOp op, OpOperand &operand, TypedAttr value) {
  if (op.getNumDpsInits() != 1 || op.isDpsInit(&operand))
    return false;
  Block &body = *op.getBody();
  BlockArgument sum = body.getArguments().back();
  Operation *combiner = body.getTerminator()->getOperand(0).getDefiningOp();
  if (!combiner || combiner->getNumOperands() != 2 || !sum.hasOneUse() ||
      *sum.user_begin() != combiner)
    return false;
  Value added = combiner->getOperand(combiner->getOperand(0) == sum ? 1 : 0);
  Value read = op.getMatchingBlockArgument(&operand);
  if (added == read)
    return arith::getNeutralElement(combiner) == value;
  auto product = added.getDefiningOp<arith::MulFOp>();
  if (!product || !isa<arith::AddFOp>(combiner) ||
      !matchPattern(value, m_AnyZeroFloat()))
    return false;
  auto isRead = [&](Value factor) {
    auto wide = factor.getDefiningOp<arith::ExtFOp>();
    return (wide ? wide.getIn() : factor) == read;
  };
  return isRead(product.getLhs()) || isRead(product.getRhs());
}

/// Whether `nest` only sums over taps of windows.
bool sumsTapsOnly(const Nest &nest) {
  return llvm::all_of(nest.statements.front().reductions, [&](int loop) {
    return llvm::any_of(nest.windows, [&](const TapWindow &window) {
      return window.taps == loop;
    });
  });
}

/// Whether `reader` can leave out the border.
bool canFold(linalg::GenericOp reader, Value padded, const Padding &padding) {
  for (OpOperand &operand : reader->getOpOperands())
    if (operand.get() == padded && !addsNothing(reader, operand, padding.value))
      return false;
  return true;
}

/// Whether the code of `reader`, which reads a padded view, is small enough.
bool isReasonable(linalg::GenericOp reader) {
  std::optional<Nest> nest = buildNest(reader);
  if (!nest || !sumsTapsOnly(*nest))
    return false;
  return llvm::all_of(nest->windows, [&](const TapWindow &window) {
    return splitByTaps(*nest, window.points).size() <= kMostRuns;
  });
}

/// Whether no operation between the copy and the last reader writes the source
/// of the copy.
bool staysUnchanged(const Padding &padding) {
  linalg::CopyOp copy = padding.copy;
  Value root = findRoot(copy.getInputs()[0]);
  Operation *last = padding.readers.front();
  for (linalg::GenericOp reader : padding.readers)
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

void fold(memref::AllocOp alloc) {
  std::optional<Padding> padding = findPadding(alloc);
  if (!padding || !staysUnchanged(*padding))
    return;
  Value source = padding->copy.getInputs()[0];
  auto type = cast<MemRefType>(source.getType());
  if (type.getElementType() != alloc.getType().getElementType() ||
      !PaddedViewOp::getPaddedType(type, padding->low, padding->high))
    return;
  for (linalg::GenericOp reader : padding->readers)
    if (!canFold(reader, alloc, *padding))
      return;

  OpBuilder b(padding->copy);
  auto view = PaddedViewOp::create(b, padding->copy.getLoc(), source,
                                   padding->low, padding->high);
  for (linalg::GenericOp reader : padding->readers)
    reader->replaceUsesOfWith(alloc, view);
  if (!llvm::all_of(padding->readers, isReasonable)) {
    for (linalg::GenericOp reader : padding->readers)
      reader->replaceUsesOfWith(view, alloc);
    view->erase();
    return;
  }
  padding->copy->erase();
  for (linalg::FillOp fill : padding->fills)
    fill->erase();
}

struct FoldPadding : impl::FoldPaddingBase<FoldPadding> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp func : kernelsOf(getOperation())) {
      func.walk(fold);
      eraseDeadOps(func);
    }
  }
};

} // namespace
} // namespace mlir::pock
