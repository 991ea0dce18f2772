//===- FoldPadding.cpp - No copies that only add a border -----------------===//
//
// A padded operand of a convolution is a temporary: the border is filled, and
// the operand is copied into the rest. If its only readers are sums over
// windows, to which the border adds nothing, they read the operand itself,
// through a view whose border has no memory (`pock.padded_view`).
//
// Needs bufferized kernels. Guarantees the same results, except if weights are
// infinite, whose products with a border are NaN. Where each border needs code
// of its own, does not handle windows with many different borders, and does not
// change sums over channels: they are fastest with tiles of equal size, and a
// copy costs them little.
//
//===----------------------------------------------------------------------===//

#include "Nest.h"
#include "PaddedCopy.h"
#include "Pock/Backends/Shared/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FOLDPADDING
#include "Pock/Backends/Shared/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The maximum number of runs of points with the same taps along one dimension;
/// each run has code of its own.
constexpr size_t kMostRuns = 7;

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
bool canFold(linalg::GenericOp reader, Value padded,
             const PaddedCopy &padding) {
  for (OpOperand &operand : reader->getOpOperands())
    if (operand.get() == padded && !addsNothing(reader, operand, padding.value))
      return false;
  return true;
}

/// Whether `reader`, which reads a padded view, is a nest, and its code is
/// small enough.
bool isReasonable(linalg::GenericOp reader, bool checksTaps) {
  std::optional<Nest> nest = buildNest(reader);
  if (!nest)
    return false;
  if (checksTaps)
    return true;
  if (!sumsTapsOnly(*nest))
    return false;
  return llvm::all_of(nest->windows, [&](const TapWindow &window) {
    return splitByTaps(*nest, window.points).size() <= kMostRuns;
  });
}

void fold(memref::AllocOp alloc, bool checksTaps) {
  std::optional<PaddedCopy> padding = findPaddedCopy(alloc);
  if (!padding || !padding->staysUnchanged())
    return;
  Value source = padding->getSource();
  auto type = cast<MemRefType>(source.getType());
  if (type.getElementType() != alloc.getType().getElementType() ||
      !PaddedViewOp::getPaddedType(type, padding->low, padding->high))
    return;
  for (linalg::GenericOp reader : padding->readers)
    if (!canFold(reader, alloc, *padding))
      return;

  OpBuilder b(padding->copy.getOperation());
  auto view = PaddedViewOp::create(b, padding->copy->getLoc(), source,
                                   padding->low, padding->high);
  for (linalg::GenericOp reader : padding->readers)
    reader->replaceUsesOfWith(alloc, view);
  if (!llvm::all_of(padding->readers, [&](linalg::GenericOp reader) {
        return isReasonable(reader, checksTaps);
      })) {
    for (linalg::GenericOp reader : padding->readers)
      reader->replaceUsesOfWith(view, alloc);
    view->erase();
    return;
  }
  padding->copy->erase();
  for (linalg::LinalgOp fill : padding->fills)
    fill->erase();
}

struct FoldPadding : impl::FoldPaddingBase<FoldPadding> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp func : kernelsOf(getOperation())) {
      bool checksTaps = checkTaps && !isPortable(func);
      func.walk([&](memref::AllocOp alloc) { fold(alloc, checksTaps); });
      eraseDeadOps(func);
    }
  }
};

} // namespace
} // namespace mlir::pock
