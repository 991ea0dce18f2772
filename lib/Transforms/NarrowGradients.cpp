//===- NarrowGradients.cpp - multiply gradients as integers ---------------===//
//
// Needs the backward pass in the function's block, with the products of
// gradients and integers that the rules of quantised layers make
// (lib/Vjp/ContractionVjp.cpp). Guarantees integer sums that cannot overflow,
// so that every target computes the same bits in any order.
//
// The integers of a gradient have one power of two for the whole tensor, from
// the largest magnitude of its entries in this call. No state is kept between
// calls. What to narrow does not depend on the target: results would.
//
//===----------------------------------------------------------------------===//

#include "StepPhases.h"

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Expr.h"
#include "Pock/Transforms/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

namespace mlir::pock {
#define GEN_PASS_DEF_NARROWGRADIENTS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// With fewer bits, the rounding of small entries of a gradient is felt.
static constexpr int64_t fewestBits = 10;
static constexpr int64_t mostBits = 16;

/// The number of entries at one index of dimension `dim`, which may be empty.
static int64_t countBeside(ArrayRef<int64_t> shape, int64_t dim) {
  return llvm::product_of(shape.take_front(dim)) *
         llvm::product_of(shape.drop_front(dim + 1));
}

/// The largest number of products that are added to one entry of the result.
static int64_t countTerms(MatmulOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getLhs());
  return shape[shape.size() - (op.getTransposeLhs() ? 2 : 1)];
}

static int64_t countTerms(ConvOp op) {
  ArrayRef<int64_t> weight = shapeOf(op.getWeight());
  return countBeside(weight,
                     FilterDims::get(op.getLayout(), weight.size()).out);
}

static int64_t countTerms(ConvTransposeOp op) {
  ArrayRef<int64_t> weight = shapeOf(op.getWeight());
  Layout layout = op.getLayout();
  int64_t terms = weight[FilterDims::get(layout, weight.size()).out] /
                  static_cast<int64_t>(op.getGroups());
  // An entry meets every n-th tap.
  for (auto [taps, stride, dilation] : llvm::zip_equal(
           kernelOf(layout, weight), op.getStrides(), op.getDilations()))
    terms *= llvm::divideCeil(taps, stride / std::gcd(stride, dilation));
  return terms;
}

static int64_t countTerms(ConvWeightGradOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getGradient());
  return countBeside(shape, channelDim(op.getLayout(), shape.size()));
}

namespace {
/// A product of a gradient and integers.
struct Product {
  Operation *op;
  /// The number of the operand that is the integers minus `zero`.
  unsigned index;
  Value integers;
  int64_t zero, terms;

  Value getGradient() const { return op->getOperand(1 - index); }

  /// The most bits with which no sum of the products overflows.
  int64_t countBits() const {
    int64_t factor = std::max(INT8_MAX - zero, zero - INT8_MIN);
    int64_t bits = mostBits;
    // (In floats, because the product may be larger than an integer.)
    while (bits > 1 && static_cast<double>(terms) * factor *
                               ((int64_t(1) << (bits - 1)) - 1) >
                           INT32_MAX)
      --bits;
    return bits;
  }
};

struct NarrowGradients
    : public ::mlir::pock::impl::NarrowGradientsBase<NarrowGradients> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto gradients =
        dyn_cast_or_null<StringAttr>(module->removeAttr(attribute::gradients));
    if (!gradients || gradients != "i16")
      return;
    for (auto func : module.getOps<func::FuncOp>()) {
      if (func.isExternal())
        continue;
      StepPhases phases(func);
      SmallVector<Product> products;
      for (Operation &op : func.getBody().front())
        if (phases.isBackward(&op))
          if (std::optional<Product> product = match(&op))
            products.push_back(*product);
      for (const Product &product : products)
        narrow(product);
    }
  }

private:
  /// `op` as a product that can be narrowed.
  static std::optional<Product> match(Operation *op) {
    auto terms = llvm::TypeSwitch<Operation *, int64_t>(op)
                     .Case<MatmulOp, ConvOp, ConvTransposeOp, ConvWeightGradOp>(
                         [](auto product) { return countTerms(product); })
                     .Default([](Operation *) { return -1; });
    if (terms < 0)
      return {};
    for (unsigned index : {0u, 1u}) {
      auto integers = op->getOperand(index).getDefiningOp<DequantizeOp>();
      Value gradient = op->getOperand(1 - index);
      if (!integers || integers.getScales() ||
          integers.getScale().convertToDouble() != 1.0 ||
          !getElementTypeOrSelf(integers.getInput()).isInteger(8) ||
          !getElementTypeOrSelf(gradient).isF32() ||
          gradient.getDefiningOp<DequantizeOp>())
        continue;
      Product product{op, index, integers.getInput(),
                      static_cast<int64_t>(integers.getZeroPoint()), terms};
      if (takesZero(product) && product.countBits() >= fewestBits)
        return product;
    }
    return {};
  }

  static void narrow(const Product &product) {
    Operation *op = product.op;
    OpBuilder builder(op);
    Expr g(builder, op->getLoc(), product.getGradient());
    IntegerAttr bits = builder.getI64IntegerAttr(product.countBits());
    RankedTensorType type = g.type();
    Expr magnitude =
        g.make<MagnitudeOp>(type.clone(builder.getI32Type()), Value(g));
    Value maximum = magnitude.make<AmaxOp>(
        Value(magnitude),
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())),
        /*keepdim=*/false);
    Value narrowed = g.make<BlockQuantizeOp>(type.clone(builder.getI16Type()),
                                             Value(g), maximum, bits);

    auto real = cast<RankedTensorType>(op->getResult(0).getType());
    Operation *sums = builder.clone(*op);
    sums->setOperand(product.index, product.integers);
    sums->setOperand(1 - product.index, narrowed);
    sums->getResult(0).setType(real.clone(builder.getI32Type()));
    if (product.zero != 0)
      setZero(sums, product.index, product.zero);
    Value result =
        g.make<BlockDequantizeOp>(real, sums->getResult(0), maximum, bits);
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }

  /// Whether the op can subtract the zero point: a convolution cannot subtract
  /// one from its weight, which has none.
  static bool takesZero(const Product &product) {
    return isa<MatmulOp, ConvWeightGradOp>(product.op) ||
           (product.index == 1 && product.zero == 0);
  }

  /// Sets the zero point of operand `index`.
  static void setZero(Operation *op, unsigned index, int64_t zero) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<MatmulOp>([&](MatmulOp product) {
          index == 0 ? product.setLhsZero(zero) : product.setRhsZero(zero);
        })
        .Case<ConvWeightGradOp>([&](ConvWeightGradOp grad) {
          index == 0 ? grad.setInputZero(zero) : grad.setGradientZero(zero);
        });
  }
};
} // namespace
