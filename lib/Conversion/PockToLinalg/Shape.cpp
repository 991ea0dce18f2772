//===- Shape.cpp - lowering of constants and data movement ----------------===//

#include "LinalgBuilders.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::pock;

namespace {

struct LowerConstant : OpRewritePattern<ConstantOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConstantOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, cast<TypedAttr>(op.getValue()));
    return success();
  }
};

struct LowerIota : OpRewritePattern<IotaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(IotaOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RankedTensorType type = op.getType();
    Loops loops(getContext());
    AffineMap map = loops.map(loops.parallel(type.getRank()));
    Type element = type.getElementType();
    bool isFloat = isa<FloatType>(element);
    Type integer = isFloat ? Type(rewriter.getI64Type()) : element;
    Value init = buildEmpty(rewriter, loc, type.getShape(), element);
    rewriter.replaceOp(
        op, buildGeneric(rewriter, loc, loops, {}, init, map,
                         [&](OpBuilder &b, Location loc, ValueRange) -> Value {
                           Value index = arith::IndexCastOp::create(
                               b, loc, integer,
                               linalg::IndexOp::create(b, loc, op.getDim()));
                           if (!isFloat)
                             return index;
                           return arith::SIToFPOp::create(b, loc, element,
                                                          index);
                         }));
    return success();
  }
};

struct LowerReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, buildReshape(rewriter, op.getLoc(), op.getInput(),
                                        op.getType().getShape()));
    return success();
  }
};

struct LowerTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, buildTranspose(rewriter, op.getLoc(), op.getInput(),
                                          op.getPermutation()));
    return success();
  }
};

struct LowerExpand : OpRewritePattern<ExpandOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ExpandOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RankedTensorType type = op.getType();
    ArrayRef<int64_t> from = op.getInput().getType().getShape();
    Loops loops(getContext());
    SmallVector<AffineExpr> dims = loops.parallel(type.getRank()), read;
    int64_t missing = type.getRank() - from.size();
    for (auto [i, size] : llvm::enumerate(from))
      read.push_back(size == 1 && type.getDimSize(missing + i) != 1
                         ? rewriter.getAffineConstantExpr(0)
                         : dims[missing + i]);
    Value init =
        buildEmpty(rewriter, loc, type.getShape(), type.getElementType());
    rewriter.replaceOp(op,
                       buildGeneric(rewriter, loc, loops, op.getInput(), init,
                                    {loops.map(read), loops.map(dims)},
                                    [](OpBuilder &, Location, ValueRange args) {
                                      return args[0];
                                    }));
    return success();
  }
};

struct LowerConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RankedTensorType type = op.getType();
    SmallVector<int64_t> offsets(type.getRank(), 0), ones(type.getRank(), 1);
    Value result =
        buildEmpty(rewriter, loc, type.getShape(), type.getElementType());
    for (Value input : op.getInputs()) {
      result = buildInsert(rewriter, loc, input, result, offsets, ones);
      offsets[op.getDim()] += getShape(input)[op.getDim()];
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct LowerSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, buildSlice(rewriter, op.getLoc(), op.getInput(),
                                      op.getStarts(), op.getType().getShape(),
                                      op.getStrides()));
    return success();
  }
};

/// The index of loop `loop` of the nest, as a byte.
Value buildLoopNumber(OpBuilder &b, Location loc, int64_t loop) {
  return arith::IndexCastOp::create(b, loc, b.getI8Type(),
                                    linalg::IndexOp::create(b, loc, loop));
}

struct LowerPackBits : OpRewritePattern<PackBitsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PackBitsOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Loops loops(getContext());
    SmallVector<AffineExpr> read = {loops.reduction()};
    SmallVector<AffineExpr> written = loops.parallel(op.getType().getRank());
    llvm::append_range(read, written);
    Value init = buildFilled(rewriter, loc, op.getType().getShape(),
                             rewriter.getI8Type(), 0.0);
    rewriter.replaceOp(
        op, buildGeneric(
                rewriter, loc, loops, op.getInput(), init,
                {loops.map(read), loops.map(written)},
                [](OpBuilder &b, Location loc, ValueRange args) -> Value {
                  Value byte =
                      arith::ExtUIOp::create(b, loc, b.getI8Type(), args[0]);
                  Value bit = arith::ShLIOp::create(b, loc, byte,
                                                    buildLoopNumber(b, loc, 0));
                  return arith::OrIOp::create(b, loc, args[1], bit);
                }));
    return success();
  }
};

struct LowerUnpackBits : OpRewritePattern<UnpackBitsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnpackBitsOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Loops loops(getContext());
    SmallVector<AffineExpr> written = loops.parallel(op.getType().getRank());
    AffineMap read = loops.map(ArrayRef<AffineExpr>(written).drop_front());
    Value init = buildEmpty(rewriter, loc, op.getType().getShape(),
                            rewriter.getI1Type());
    rewriter.replaceOp(
        op, buildGeneric(
                rewriter, loc, loops, op.getInput(), init,
                {read, loops.map(written)},
                [](OpBuilder &b, Location loc, ValueRange args) -> Value {
                  Value bits = arith::ShRUIOp::create(
                      b, loc, args[0], buildLoopNumber(b, loc, 0));
                  return arith::TruncIOp::create(b, loc, b.getI1Type(), bits);
                }));
    return success();
  }
};

struct LowerInsertSlice : OpRewritePattern<InsertSliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(InsertSliceOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, buildInsert(rewriter, op.getLoc(), op.getSource(),
                                       op.getDest(), op.getStarts(),
                                       op.getStrides()));
    return success();
  }
};

struct LowerPad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PadOp op,
                                PatternRewriter &rewriter) const override {
    double padding = op.getValue().convertToDouble();
    Value padded =
        buildPadded(rewriter, op.getLoc(), op.getInput(), op.getLow(),
                    op.getHigh(), op.getInterior(), padding);
    if (!padded) // an empty input
      padded = buildFilled(rewriter, op.getLoc(), op.getType().getShape(),
                           op.getType().getElementType(), padding);
    rewriter.replaceOp(op, padded);
    return success();
  }
};

} // namespace

void pock::populateShapePatterns(RewritePatternSet &patterns) {
  patterns.add<LowerConstant, LowerIota, LowerReshape, LowerTranspose,
               LowerExpand, LowerConcat, LowerSlice, LowerInsertSlice,
               LowerPackBits, LowerUnpackBits, LowerPad>(patterns.getContext());
}
