//===- Elementwise.cpp - lowering of all elementwise ops ------------------===//

#include "LinalgBuilders.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::pock;

namespace {

/// An operand, and its indexing map in the loops of the result.
struct Broadcast {
  Value operand;
  AffineMap map;

  /// Drops broadcast dimensions of size 1, so that collapsed loops can read the
  /// operand, too. If the result also has size 1 there, nothing is broadcast,
  /// and the dimension is merged with the next one, since the loops of both may
  /// be collapsed.
  static Broadcast get(OpBuilder &b, Location loc, Value operand,
                       ArrayRef<int64_t> result) {
    ArrayRef<int64_t> shape = getShape(operand);
    size_t missing = result.size() - shape.size();
    SmallVector<bool> repeated(shape.size() + 1, false);
    for (size_t i = shape.size(); i-- > 0;)
      repeated[i] =
          shape[i] == 1 && (result[missing + i] != 1 || repeated[i + 1]);
    SmallVector<int64_t> kept;
    SmallVector<AffineExpr> exprs;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (repeated[i])
        continue;
      kept.push_back(shape[i]);
      exprs.push_back(b.getAffineDimExpr(missing + i));
    }
    return {buildReshape(b, loc, operand, kept),
            AffineMap::get(result.size(), 0, exprs, b.getContext())};
  }
};

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
      Broadcast broadcast = Broadcast::get(rewriter, loc, operand, shape);
      inputs.push_back(broadcast.operand);
      maps.push_back(broadcast.map);
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
