//===- MoveScales.cpp - scale weights instead of gradients ----------------===//
//
// After a convolution or product, a scale per channel (frozen batch norm) turns
// the gradient g into g * s, which the weight gradient and the input gradient
// read. Both are linear in g, so the scale can be applied to a smaller result
// or operand, and g * s need not exist. Applies only if g is stored anyway, for
// a sum (the bias) or another branch, and if all readers of g * s can be
// rewritten.
//
//===----------------------------------------------------------------------===//

#include "StepPhases.h"

#include "Pock/IR/Expr.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_MOVESCALES
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// The only dimension along which `scale`, broadcast to `shape`, varies;
/// nothing if it varies along several or none.
static std::optional<int64_t> scaledDim(Value scale, ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> sizes = shapeOf(scale);
  int64_t offset = shape.size() - sizes.size();
  std::optional<int64_t> dim;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (size == 1)
      continue;
    if (dim || size != shape[offset + i])
      return {};
    dim = offset + i;
  }
  return dim;
}

namespace {
/// `gradient * scale`, the scale along dimension `dim`.
struct ScaledGradient {
  Value gradient, scale;
  int64_t dim;
};

struct MoveScales : public ::mlir::pock::impl::MoveScalesBase<MoveScales> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    StepPhases phases(getOperation());
    Block &body = getOperation().getBody().front();
    for (auto mul : llvm::make_early_inc_range(body.getOps<MulOp>())) {
      if (!phases.isBackward(mul))
        continue;
      std::optional<ScaledGradient> scaled = match(mul);
      if (!scaled || scaled->gradient.hasOneUse() || mul->use_empty() ||
          !llvm::all_of(mul->getUses(), [&](OpOperand &use) {
            return appliesElsewhere(use, *scaled);
          }))
        continue;
      for (Operation *user : llvm::make_early_inc_range(mul->getUsers()))
        applyElsewhere(user, *scaled);
      mul.erase();
    }
  }

  static std::optional<ScaledGradient> match(MulOp mul) {
    ArrayRef<int64_t> shape = shapeOf(mul);
    for (auto [gradient, scale] :
         {std::pair{mul.getLhs(), mul.getRhs()}, {mul.getRhs(), mul.getLhs()}})
      if (shapeOf(gradient) == shape && shapeOf(scale) != shape)
        if (std::optional<int64_t> dim = scaledDim(scale, shape))
          return ScaledGradient{gradient, scale, *dim};
    return {};
  }

  /// Whether `use` is the operand of a product of two matrices that is scaled
  /// along its last dimension.
  static bool isMatrix(MatmulOp op, const ScaledGradient &scaled) {
    return op.getType().getRank() == 2 && scaled.dim == 1;
  }

  /// Whether `use` of the scaled gradient can be replaced by the gradient and a
  /// scale of something smaller.
  static bool appliesElsewhere(OpOperand &use, const ScaledGradient &scaled) {
    Operation *op = use.getOwner();
    unsigned index = use.getOperandNumber();
    auto isSmaller = [&](Value weight) {
      return weight != use.get() &&
             llvm::product_of(shapeOf(weight)) <
                 llvm::product_of(shapeOf(scaled.gradient));
    };
    auto isChannel = [&](Layout layout, Value activation) {
      return scaled.dim == channelDim(layout, shapeOf(activation).size());
    };
    if (auto grad = dyn_cast<ConvWeightGradOp>(op))
      return index == 1 && isChannel(grad.getLayout(), grad.getGradient()) &&
             isSmaller(grad);
    if (auto conv = dyn_cast<ConvTransposeOp>(op))
      return index == 0 && isChannel(conv.getLayout(), conv.getInput()) &&
             isSmaller(conv.getWeight());
    auto product = dyn_cast<MatmulOp>(op);
    if (!product || !isMatrix(product, scaled))
      return false;
    if (index == 1)
      return product.getTransposeLhs() && !product.getTransposeRhs() &&
             isSmaller(product);
    return !product.getTransposeLhs() && isSmaller(product.getRhs());
  }

  /// Makes `op` read the gradient, and scales its weight or its result.
  static void applyElsewhere(Operation *op, const ScaledGradient &scaled) {
    OpBuilder builder(op);
    Value vector = reshapeTo(builder, op->getLoc(), scaled.scale,
                             {shapeOf(scaled.gradient)[scaled.dim]});
    auto along = [&](Value value, int64_t axis) {
      Expr matrix(builder, op->getLoc(), value);
      return matrix * matrix.at(vector).alongAxis(axis, matrix.rank());
    };
    // The output channels of a weight.
    auto channels = [](Layout layout, Value weight) -> int64_t {
      return FilterDims::get(layout, shapeOf(weight).size()).out;
    };
    if (auto conv = dyn_cast<ConvTransposeOp>(op)) {
      Value weight = conv.getWeight();
      conv.getInputMutable().assign(scaled.gradient);
      conv.getWeightMutable().assign(
          along(weight, channels(conv.getLayout(), weight)));
      return;
    }
    auto product = dyn_cast<MatmulOp>(op);
    if (product && !product.getTransposeLhs()) {
      product.getLhsMutable().assign(scaled.gradient);
      product.getRhsMutable().assign(
          along(product.getRhs(), product.getTransposeRhs() ? 1 : 0));
      return;
    }
    op->setOperand(1, scaled.gradient);
    builder.setInsertionPointAfter(op);
    Value result = op->getResult(0);
    int64_t axis = 1;
    if (auto grad = dyn_cast<ConvWeightGradOp>(op))
      axis = channels(grad.getLayout(), result);
    Value fresh = along(result, axis);
    result.replaceAllUsesExcept(fresh, fresh.getDefiningOp());
  }
};
} // namespace
