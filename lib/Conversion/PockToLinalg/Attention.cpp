//===- Attention.cpp - attention as a loop over its matrices --------------===//
//
// Attention runs on one matrix of queries, keys and values at a time, so that
// it needs scratch for the scores and probabilities `[T, S]` of one head only.
// If threads share the work, it runs on as many matrices as fit into a part of
// the cache. The loop body is the same op on matrices, which is decomposed
// next. There is no loop where each thread computes one point.
//
//===----------------------------------------------------------------------===//

#include "LinalgBuilders.h"
#include "Pock/IR/PockUtils.h"
#include "Pock/Target/TargetBackend.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::pock;

/// `value` with its leading dimensions merged: `[N, rows, columns]`.
static Value stackMatrices(OpBuilder &b, Location loc, Value value) {
  ArrayRef<int64_t> shape = shapeOf(value);
  return reshapeTo(b, loc, value,
                   {llvm::product_of(shape.drop_back(2)),
                    shape[shape.size() - 2], shape.back()});
}

/// The number of matrices of scores, `rows` by `columns` elements of
/// `elementBytes`, that one iteration makes. It divides `heads`: a shared mask
/// belongs to all of them or to none.
static int64_t countAtOnce(Operation *op, int64_t heads, int64_t rows,
                           int64_t columns, int64_t elementBytes) {
  TargetLimits limits = limitsAt(op);
  if (!limits.threads || heads < 1 || isPortable(op))
    return 1;
  // Operands of legal size can have scores of more bytes than 64 bits count.
  uint64_t bytes = llvm::SaturatingMultiply<uint64_t>(
      llvm::SaturatingMultiply<uint64_t>(rows, columns), elementBytes);
  // The gradient has three such matrices, and reads and writes others.
  uint64_t fit = limits.workingBytes / 8 / std::max<uint64_t>(bytes, 1);
  int64_t most = std::clamp<uint64_t>(fit, 1, heads);
  while (heads % most != 0)
    --most;
  return most;
}

/// The index of the mask for matrix `number` of the operands. The leading
/// dimensions are `mask` for the stack of masks and `full` for the operands; a
/// mask may be shared along dimensions.
static Value maskNumber(OpBuilder &b, Location loc, Value number,
                        ArrayRef<int64_t> full, ArrayRef<int64_t> mask) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  Value result;
  int64_t below = 1, maskBelow = 1;
  for (int64_t dim = full.size() - 1; dim >= 0; --dim) {
    if (mask[dim] != 1) {
      Value index = number;
      if (below != 1)
        index = arith::DivUIOp::create(b, loc, index, constant(below));
      if (dim != 0)
        index = arith::RemUIOp::create(b, loc, index, constant(full[dim]));
      if (maskBelow != 1)
        index = arith::MulIOp::create(b, loc, index, constant(maskBelow));
      result = result ? arith::AddIOp::create(b, loc, result, index) : index;
    }
    below *= full[dim];
    maskBelow *= mask[dim];
  }
  return result ? result : constant(0);
}

namespace {
/// Turns an op on tensors of rank above two into a loop around the op on
/// matrices, or on small stacks of them. Operands of `Op` have equal leading
/// dimensions, and so have its results; the mask is the last operand, if there
/// is one.
template <typename Op>
struct LoopOverMatrices : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    int64_t rank = op.getQuery().getType().getRank();
    if (rank == 2)
      return rewriter.notifyMatchFailure(op, "is on matrices");
    if (limitsAt(op).threadPerPoint)
      return rewriter.notifyMatchFailure(op, "needs no loop");
    ArrayRef<int64_t> query = op.getQuery().getType().getShape();
    int64_t rows = query[rank - 2], heads = query[rank - 3],
            columns = op.getKey().getType().getShape()[rank - 2];
    int64_t count = countAtOnce(op, heads, rows, columns,
                                bytesOf(getElement(op.getQuery())));
    if (rank == 3 && count == heads)
      return rewriter.notifyMatchFailure(op, "is a stack that fits");
    Location loc = op.getLoc();
    SmallVector<int64_t> leading(
        op.getQuery().getType().getShape().drop_back(2));
    SmallVector<Value> stacks;
    SmallVector<int64_t> maskLeading;
    for (Value operand : op->getOperands()) {
      if (operand == op.getMask() && stacks.size() + 1 == op->getNumOperands())
        maskLeading = extendMask(rewriter, loc, rank, operand);
      stacks.push_back(stackMatrices(rewriter, loc, operand));
    }
    SmallVector<Value> inits;
    for (Value result : op->getResults()) {
      ArrayRef<int64_t> shape = shapeOf(result);
      inits.push_back(buildEmpty(
          rewriter, loc,
          {llvm::product_of(leading), shape[rank - 2], shape[rank - 1]},
          getElement(result)));
    }
    SmallVector<Value> stacked = buildLoop(
        rewriter, loc, llvm::product_of(leading) / count, inits,
        [&](OpBuilder &b, Value i, ValueRange values) {
          if (count != 1)
            i = arith::MulIOp::create(
                b, loc, i, arith::ConstantIndexOp::create(b, loc, count));
          SmallVector<Value> operands;
          for (auto [index, stack] : llvm::enumerate(stacks)) {
            bool isMask = !maskLeading.empty() && index + 1 == stacks.size();
            bool isShared = isMask && maskLeading.back() == 1;
            Value at = isMask ? maskNumber(b, loc, i, leading, maskLeading) : i;
            Part part(b, shapeOf(stack));
            if (count == 1)
              part.select(b, 0, at);
            else
              part.restrict(b, 0, at, isShared ? 1 : count);
            operands.push_back(part.extract(b, loc, stack));
          }
          SmallVector<Type> types;
          for (Value value : values) {
            SmallVector<int64_t> shape(shapeOf(value).take_back(2));
            if (count != 1)
              shape.insert(shape.begin(), count);
            types.push_back(RankedTensorType::get(shape, getElement(value)));
          }
          Op matrices = Op::create(b, loc, types, operands, op->getAttrs());
          SmallVector<Value> results;
          for (auto [value, into] : llvm::zip(matrices->getResults(), values))
            results.push_back(Part(b, shapeOf(into))
                                  .restrict(b, 0, i, count)
                                  .insert(b, loc, value, into));
          return results;
        });
    SmallVector<Value> results;
    for (auto [old, fresh] : llvm::zip(op->getResults(), stacked))
      results.push_back(reshapeTo(rewriter, loc, fresh, shapeOf(old)));
    rewriter.replaceOp(op, results);
    return success();
  }

  /// Gives `mask` the rank of the scores; returns its leading dimensions.
  static SmallVector<int64_t> extendMask(OpBuilder &b, Location loc,
                                         int64_t rank, Value &mask) {
    SmallVector<int64_t> shape(shapeOf(mask));
    shape.insert(shape.begin(), rank - shape.size(), 1);
    mask = reshapeTo(b, loc, mask, shape);
    shape.resize(rank - 2);
    return shape;
  }
};
} // namespace

void pock::populateAttentionPatterns(RewritePatternSet &patterns) {
  patterns
      .add<LoopOverMatrices<AttentionOp>, LoopOverMatrices<AttentionGradOp>>(
          patterns.getContext());
}
