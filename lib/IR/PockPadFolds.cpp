//===- PockPadFolds.cpp - joins gradients of slices -----------------------===//
//
// The gradient of a slice is padded to the size of the sliced tensor. The sum
// of such gradients needs no padded tensors if the slices do not overlap (the
// gates of a cell, the steps of a sequence):
//
//   pad(x) + pad(y) -> pad(concat(x, zeros, y))
//
//===----------------------------------------------------------------------===//

#include "PockPadFolds.h"

#include "Pock/IR/PockUtils.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::pock;

/// The padding with zeros that makes `value` and has no other reader; null if
/// there is none.
static PadOp zeroPad(Value value) {
  auto pad = value.getDefiningOp<PadOp>();
  auto isZero = [](int64_t i) { return i == 0; };
  bool plain = pad && pad->hasOneUse() && pad.getValue().isZero() &&
               llvm::all_of(pad.getInterior(), isZero);
  return plain ? pad : PadOp();
}

/// The only dimension in which `a` and `b` place their inputs differently.
static std::optional<int64_t> differingDim(PadOp a, PadOp b) {
  std::optional<int64_t> result;
  for (int64_t dim = 0; dim < a.getType().getRank(); ++dim) {
    if (a.getLow()[dim] == b.getLow()[dim] &&
        a.getHigh()[dim] == b.getHigh()[dim])
      continue;
    if (result)
      return {};
    result = dim;
  }
  return result;
}

namespace {
struct AddOfPads : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    PadOp first = zeroPad(op.getLhs()), second = zeroPad(op.getRhs());
    if (!first || !second || first == second ||
        first.getType() != op.getType() || second.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "expected two padded tensors");
    std::optional<int64_t> dim = differingDim(first, second);
    if (!dim)
      return rewriter.notifyMatchFailure(op, "expected parts of one dimension");
    if (first.getLow()[*dim] > second.getLow()[*dim])
      std::swap(first, second);
    int64_t end = first.getLow()[*dim] + shapeOf(first.getInput())[*dim];
    int64_t gap = second.getLow()[*dim] - end;
    if (gap < 0)
      return rewriter.notifyMatchFailure(op, "the parts overlap");
    SmallVector<Value> parts;
    append(parts, first.getInput(), *dim);
    if (gap > 0) {
      SmallVector<int64_t> shape(shapeOf(first.getInput()));
      shape[*dim] = gap;
      auto type = RankedTensorType::get(shape, op.getType().getElementType());
      parts.push_back(splatConstant(rewriter, op.getLoc(), type, 0.0));
    }
    append(parts, second.getInput(), *dim);
    Value joined = ConcatOp::create(rewriter, op.getLoc(), parts, *dim);
    SmallVector<int64_t> high(first.getHigh());
    high[*dim] = second.getHigh()[*dim];
    rewriter.replaceOpWithNewOp<PadOp>(
        op, joined, first.getLowAttr(), rewriter.getDenseI64ArrayAttr(high),
        first.getInteriorAttr(), first.getValueAttr());
    return success();
  }

  /// Appends `value`, or its operands if it is a concatenation without other
  /// readers.
  static void append(SmallVectorImpl<Value> &parts, Value value, int64_t dim) {
    auto concat = value.getDefiningOp<ConcatOp>();
    if (concat && concat->hasOneUse() &&
        static_cast<int64_t>(concat.getDim()) == dim)
      llvm::append_range(parts, concat.getInputs());
    else
      parts.push_back(value);
  }
};
} // namespace

void pock::populatePadPatterns(RewritePatternSet &patterns) {
  patterns.add<AddOfPads>(patterns.getContext());
}
