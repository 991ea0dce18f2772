//===- Elementwise.cpp - lowering of all elementwise ops ------------------===//

#include "LinalgBuilders.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::pock;

/// How an operand of shape `shape` is read when it is broadcast to `result`.
static AffineMap getBroadcastMap(MLIRContext *context, ArrayRef<int64_t> shape,
                                 ArrayRef<int64_t> result) {
  size_t missing = result.size() - shape.size();
  SmallVector<AffineExpr> exprs;
  for (size_t i = 0; i < shape.size(); ++i)
    exprs.push_back(shape[i] == 1 && result[missing + i] != 1
                        ? getAffineConstantExpr(0, context)
                        : getAffineDimExpr(missing + i, context));
  return AffineMap::get(result.size(), 0, exprs, context);
}

namespace {

/// One pattern for every op with `buildScalar`. Splat constants become scalars
/// of the body instead of operands.
struct LowerElementwise : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    MLIRContext *context = op.getContext();
    Location loc = op.getLoc();
    ArrayRef<int64_t> shape = getShape(op->getResult(0));
    SmallVector<Value> inputs, inits;
    SmallVector<AffineMap> maps;
    SmallVector<TypedAttr> constants; // null for operands of the generic
    for (Value operand : op->getOperands()) {
      SplatElementsAttr splat;
      if (matchPattern(operand, m_Constant(&splat))) {
        constants.push_back(cast<TypedAttr>(splat.getSplatValue<Attribute>()));
        continue;
      }
      constants.emplace_back();
      inputs.push_back(operand);
      maps.push_back(getBroadcastMap(context, getShape(operand), shape));
    }
    for (Value result : op->getResults()) {
      inits.push_back(buildEmpty(rewriter, loc, shape, getElement(result)));
      maps.push_back(AffineMap::getMultiDimIdentityMap(shape.size(), context));
    }
    SmallVector<utils::IteratorType> iterators(shape.size(),
                                               utils::IteratorType::parallel);
    auto generic = linalg::GenericOp::create(
        rewriter, loc, op->getResultTypes(), inputs, inits, maps, iterators,
        [&](OpBuilder &b, Location loc, ValueRange args) {
          SmallVector<Value> scalars;
          for (TypedAttr constant : constants) {
            if (constant) {
              scalars.push_back(arith::ConstantOp::create(b, loc, constant));
              continue;
            }
            scalars.push_back(args.front());
            args = args.drop_front();
          }
          linalg::YieldOp::create(b, loc, op.buildScalar(b, loc, scalars));
        });
    rewriter.replaceOp(op, generic);
    return success();
  }
};

} // namespace

void pock::populateElementwisePatterns(RewritePatternSet &patterns) {
  patterns.add<LowerElementwise>(patterns.getContext());
}
