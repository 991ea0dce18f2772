//===- IndexingOps.cpp - types, verifiers and folds of indexing -----------===//

#include "Pock/IR/PockUtils.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::pock;

/// The type of the entries of `input` at `indices` along `dim`.
static FailureOr<RankedTensorType>
inferTake(std::optional<Location> loc, StringRef name, RankedTensorType input,
          RankedTensorType indices, int64_t dim) {
  // take_c1, scatter_add_c1
  if (dim < 0 || dim >= input.getRank())
    return emitOptionalError(loc, "'", name, "' expected dim to be from 0 to ",
                             input.getRank() - 1, ", but got ", dim);
  // take_c2, scatter_add_c1
  if (input.getDimSize(dim) == 0)
    return emitOptionalError(loc, "'", name,
                             "' expected a dimension that is not empty, but "
                             "got dimension ",
                             dim, " of ", input);
  SmallVector<int64_t> shape(input.getShape().take_front(dim));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, input.getShape().drop_front(dim + 1));
  return RankedTensorType::get(shape, input.getElementType());
}

LogicalResult TakeOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &results) {
  FailureOr<RankedTensorType> type = inferTake(
      loc, getOperationName(),
      cast<RankedTensorType>(adaptor.getInput().getType()),
      cast<RankedTensorType>(adaptor.getIndices().getType()), adaptor.getDim());
  if (failed(type))
    return failure();
  results.push_back(*type);
  return success();
}

LogicalResult ScatterAddOp::verify() {
  FailureOr<RankedTensorType> type =
      inferTake(getLoc(), getOperationName(), getDest().getType(),
                getIndices().getType(), getDim());
  if (failed(type))
    return failure();
  // scatter_add_c2
  if (getUpdates().getType() != *type)
    return emitOpError("expected updates of type ")
           << *type << ", but got " << getUpdates().getType();
  return success();
}

/// The scatter into zeros that alone makes `value`, null if none does.
static ScatterAddOp scatterIntoZeros(Value value) {
  auto scatter = value.getDefiningOp<ScatterAddOp>();
  if (!scatter || !scatter->hasOneUse() ||
      !(matchPattern(scatter.getDest(), m_AnyZeroFloat()) ||
        matchPattern(scatter.getDest(), m_Zero())))
    return {};
  return scatter;
}

namespace {
/// x + scatter_add(0, i, u) -> scatter_add(x, i, u): no dense gradient of an
/// embedding where another one (of a tied output layer) is dense already.
struct AddOfScatter : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [part, other] : {std::pair(op.getLhs(), op.getRhs()),
                               std::pair(op.getRhs(), op.getLhs())}) {
      ScatterAddOp scatter = scatterIntoZeros(part);
      // (Neither of the two may be broadcast.)
      if (!scatter || part.getType() != op.getType() ||
          other.getType() != op.getType())
        continue;
      rewriter.replaceOpWithNewOp<ScatterAddOp>(
          op, op.getType(), other, scatter.getIndices(), scatter.getUpdates(),
          scatter.getDim());
      return success();
    }
    return rewriter.notifyMatchFailure(op, "expected a scatter into zeros");
  }
};

/// scalar * scatter_add(0, i, u) -> scatter_add(0, i, scalar * u) if there are
/// no more updates than entries. (Entries without updates stay zero, even times
/// infinity.)
struct ScaleOfScatter : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [part, factor] : {std::pair(op.getLhs(), op.getRhs()),
                                std::pair(op.getRhs(), op.getLhs())}) {
      ScatterAddOp scatter = scatterIntoZeros(part);
      if (!scatter || !shapeOf(factor).empty() ||
          scatter.getUpdates().getType().getNumElements() >
              scatter.getType().getNumElements())
        continue;
      Value scaled =
          MulOp::create(rewriter, op.getLoc(), scatter.getUpdates(), factor);
      rewriter.replaceOpWithNewOp<ScatterAddOp>(
          op, op.getType(), scatter.getDest(), scatter.getIndices(), scaled,
          scatter.getDim());
      return success();
    }
    return rewriter.notifyMatchFailure(op, "expected a scaled scatter");
  }
};
} // namespace

void ScatterAddOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                               MLIRContext *context) {
  patterns.add<AddOfScatter, ScaleOfScatter>(context);
}
