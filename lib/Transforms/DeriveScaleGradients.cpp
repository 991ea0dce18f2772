//===- DeriveScaleGradients.cpp - gradients of scales without activations -===//
//
// The gradient of a scale after a convolution or product is sum(g * (y - mean))
// per channel, which would require saving y. But y = conv(x, w) is linear in w,
// and so
//
//   sum(g * y)[f] = <w[.., f], conv_weight_grad(x, g)[.., f]>,
//
// whose right-hand side reads values that the step computes anyway. Needs the
// backward pass in the function's block (before pock-sink-gradients), with
// scales moved to the weight gradients (pock-move-scales). Applies if y is then
// not saved, and w is smaller than y. Does not apply if x has neither been
// normalised nor passed through an activation: if the mean of x is large
// compared with its spread, sum(g * y) and mean * sum(g) cancel, and the
// difference is less accurate than the sum.
//
//===----------------------------------------------------------------------===//

#include "StepPhases.h"

#include "Pock/IR/Expr.h"
#include "Pock/Transforms/Passes.h"

namespace mlir::pock {
#define GEN_PASS_DEF_DERIVESCALEGRADIENTS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// Whether `value`, broadcast to rank `rank`, varies only along dimension `dim`
/// and has `size` entries.
static bool isVector(Value value, int64_t dim, int64_t rank, int64_t size) {
  ArrayRef<int64_t> shape = shapeOf(value);
  int64_t own = dim - (rank - static_cast<int64_t>(shape.size()));
  return own >= 0 && shape[own] == size && llvm::product_of(shape) == size;
}

/// Whether the entries of `value` may have a mean that is large compared with
/// their spread: an input of the function, or a product or convolution without
/// a later normalisation or activation.
static bool mayBeOffCentre(Value value) {
  Operation *op = value.getDefiningOp();
  KernelRole role = op ? getKernelRole(op) : KernelRole::Absent;
  if (!op || role == KernelRole::Contraction)
    return true;
  if (op->getNumOperands() == 1 &&
      (role == KernelRole::View || role == KernelRole::DataMovement))
    return mayBeOffCentre(op->getOperand(0));
  // A bias, or a join of two branches.
  if (isa<AddOp>(op))
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      return shapeOf(operand) == shapeOf(value) && mayBeOffCentre(operand);
    });
  return false;
}

/// Whether `sum` keeps only dimension `dim`.
static bool keepsOnly(SumOp sum, int64_t dim) {
  for (auto [i, size] : llvm::enumerate(shapeOf(sum.getInput())))
    if (size != 1 && (static_cast<int64_t>(i) == dim) ==
                         llvm::is_contained(sum.getDims(), i))
      return false;
  return true;
}

namespace {
/// A linear map of a weight, and the gradient of that weight.
struct Linear {
  Value result, weight, gradient;
  /// The dimensions of output channels.
  int64_t dim, weightDim;
};

struct DeriveScaleGradients
    : public ::mlir::pock::impl::DeriveScaleGradientsBase<
          DeriveScaleGradients> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    StepPhases phases(getOperation());
    body = &getOperation().getBody().front();
    SmallVector<SumOp> sums;
    for (auto sum : body->getOps<SumOp>())
      if (phases.isBackward(sum))
        sums.push_back(sum);
    for (SumOp sum : sums) {
      auto product = sum.getInput().getDefiningOp<MulOp>();
      if (!product || !product->hasOneUse() || !phases.isBackward(product))
        continue;
      if (!derive(sum, product, product.getLhs(), product.getRhs(), phases))
        derive(sum, product, product.getRhs(), product.getLhs(), phases);
    }
  }

private:
  /// Replaces `sum` of `product = g * activation`; false if it cannot.
  bool derive(SumOp sum, MulOp product, Value g, Value activation,
              const StepPhases &phases) {
    if (g == activation || shapeOf(g) != shapeOf(activation))
      return false;
    // From the activation back to the linear map, through affine ops.
    SmallVector<Operation *> affine;
    Value value = activation;
    while (isa_and_present<AddOp, SubOp, MulOp>(value.getDefiningOp()) &&
           shapeOf(value.getDefiningOp()->getOperand(0)) == shapeOf(value)) {
      affine.push_back(value.getDefiningOp());
      value = affine.back()->getOperand(0);
    }
    std::optional<Linear> linear = findLinear(value, g);
    if (!linear || !keepsOnly(sum, linear->dim))
      return false;
    ArrayRef<int64_t> shape = shapeOf(value);
    int64_t size = shape[linear->dim];
    for (Operation *op : affine)
      if (!isVector(op->getOperand(1), linear->dim, shape.size(), size))
        return false;
    if (!pays(*linear) || !isFreed(value, affine, product, phases))
      return false;

    Operation *gradient = linear->gradient.getDefiningOp();
    SmallVector<Operation *> waiting = usersBefore(sum, gradient);
    OpBuilder builder(gradient->getContext());
    if (gradient->isBeforeInBlock(sum))
      builder.setInsertionPoint(sum);
    else
      builder.setInsertionPointAfter(gradient);
    Expr dw(builder, sum.getLoc(), linear->gradient);
    SmallVector<int64_t> others;
    for (int64_t dim = 0; dim < dw.rank(); ++dim)
      if (dim != linear->weightDim)
        others.push_back(dim);
    Expr result = (dw * dw.at(linear->weight)).sum(others);
    Expr total = dw.at(g).sum(sum.getDims(), sum.getKeepdim()).reshape({size});
    for (Operation *op : llvm::reverse(affine)) {
      Expr vector = dw.at(op->getOperand(1)).reshape({size});
      if (isa<MulOp>(op)) {
        result = result * vector;
        total = total * vector;
        continue;
      }
      Expr shift = total * vector;
      result = isa<AddOp>(op) ? result + shift : result - shift;
    }
    Expr replacement = result.reshape(shapeOf(sum));
    for (Operation *op : waiting)
      op->moveBefore(&*builder.getInsertionPoint());
    sum.replaceAllUsesWith(static_cast<Value>(replacement));
    sum.erase();
    product.erase();
    return true;
  }

  /// The linear map that makes `value` from a trained parameter, if the step
  /// computes the whole gradient of that parameter, with `g` as the gradient of
  /// `value`.
  static std::optional<Linear> findLinear(Value value, Value g) {
    Operation *op = value.getDefiningOp();
    if (!op || !isa<ConvOp, MatmulOp>(op))
      return {};
    Value input = op->getOperand(0), weight = op->getOperand(1);
    if (!weight.getDefiningOp<LoadParamOp>() || mayBeOffCentre(input))
      return {};
    int64_t rank = shapeOf(value).size();
    auto product = dyn_cast<MatmulOp>(op);
    if (product &&
        (rank != 2 || product.getTransposeLhs() || product.getTransposeRhs()))
      return {};
    for (Operation *user : input.getUsers()) {
      if (user->getNumOperands() != 2 || user->getOperand(0) != input ||
          user->getOperand(1) != g || user->getBlock() != op->getBlock() ||
          user->getResult(0).getType() != weight.getType())
        continue;
      auto transposed = dyn_cast<MatmulOp>(user);
      if (product && transposed && transposed.getTransposeLhs() &&
          !transposed.getTransposeRhs())
        return Linear{value, weight, user->getResult(0), 1, 1};
      auto conv = dyn_cast<ConvOp>(op);
      auto gradient = dyn_cast<ConvWeightGradOp>(user);
      if (conv && gradient && isOf(gradient, conv)) {
        Layout layout = conv.getLayout();
        return Linear{value, weight, user->getResult(0),
                      channelDim(layout, rank),
                      FilterDims::get(layout, shapeOf(weight).size()).out};
      }
    }
    return {};
  }

  /// Whether `gradient` is that of the weight of a convolution as `conv`.
  static bool isOf(ConvWeightGradOp gradient, ConvOp conv) {
    return gradient.getStrides() == conv.getStrides() &&
           gradient.getPadLow() == conv.getPadLow() &&
           gradient.getPadHigh() == conv.getPadHigh() &&
           gradient.getDilations() == conv.getDilations() &&
           gradient.getGroups() == conv.getGroups() &&
           gradient.getLayout() == conv.getLayout();
  }

  /// Whether reading weight and gradient costs less than the activation. The
  /// activation is written once and read once; without it, the gradient is no
  /// longer accumulated where it is used.
  static bool pays(const Linear &linear) {
    return llvm::product_of(shapeOf(linear.weight)) * 2 <=
           llvm::product_of(shapeOf(linear.result));
  }

  /// Whether the backward pass reads `value`, and the values that `affine`
  /// makes from it, only in `product`.
  bool isFreed(Value value, ArrayRef<Operation *> affine, MulOp product,
               const StepPhases &phases) const {
    SmallVector<Value> values{value};
    for (Operation *op : affine)
      values.push_back(op->getResult(0));
    for (Value kept : values)
      for (Operation *user : kept.getUsers())
        if (user != product &&
            phases.isBackward(body->findAncestorOpInBlock(*user)))
          return false;
    return true;
  }

  /// The ops before `end` that depend on the result of `sum`, in order.
  SmallVector<Operation *> usersBefore(SumOp sum, Operation *end) const {
    SmallVector<Operation *> found;
    llvm::SmallPtrSet<Operation *, 8> needing;
    needing.insert(sum);
    for (Operation *op = sum->getNextNode(); op && op->isBeforeInBlock(end);
         op = op->getNextNode())
      if (llvm::any_of(op->getOperands(), [&](Value operand) {
            return needing.contains(operand.getDefiningOp());
          })) {
        needing.insert(op);
        found.push_back(op);
      }
    return found;
  }

  Block *body = nullptr;
};
} // namespace
