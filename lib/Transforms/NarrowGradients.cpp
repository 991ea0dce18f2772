//===- NarrowGradients.cpp - multiply gradients in 16 bits ----------------===//
//
// Needs the backward pass in the function's block, with the products of
// gradients and integers that the rules of quantised layers make
// (lib/Vjp/ContractionVjp.cpp). Guarantees sums that cannot overflow: those of
// integers are exact, so that every target computes the same bits in any order.
//
// A gradient has one power of two for the whole tensor, from the largest
// magnitude of its entries in this call. No state is kept between calls. What
// to narrow does not depend on the target: results would.
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

namespace {
/// A type of 16 bits that gradients are multiplied in.
struct NarrowType {
  Type gradient, sum;
  /// The largest sum of products. (That of f16 leaves room for roundings.)
  double largestSum;
  /// The bits of a gradient's entries, above one half and below. With fewer,
  /// the loss of small entries is felt: the rounding of integers, and for f16
  /// the roundings of the sums of very many terms.
  int64_t fewestBits, mostBits;

  static NarrowType get(MLIRContext *context, StringRef name) {
    Builder b(context);
    if (name == "i16")
      return {b.getI16Type(), b.getI32Type(), INT32_MAX, 10, 16};
    return {b.getF16Type(), b.getF16Type(), 1 << 15, -2, 2};
  }

  bool isFloat() const { return isa<FloatType>(gradient); }
  /// The largest magnitude of an entry with so many bits.
  double largestEntry(int64_t bits) const {
    return std::ldexp(1.0, static_cast<int>(bits - 1)) - (isFloat() ? 0 : 1);
  }
};
} // namespace

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

  /// The most bits with which no sum of the products overflows; nothing if
  /// that are too few.
  std::optional<int64_t> countBits(const NarrowType &type) const {
    int64_t factor = std::max(INT8_MAX - zero, zero - INT8_MIN);
    // (In floats, because the product may be larger than an integer.)
    double largest = static_cast<double>(terms) * factor;
    for (int64_t bits = type.mostBits; bits >= type.fewestBits; --bits)
      if (largest * type.largestEntry(bits) <= type.largestSum)
        return bits;
    return {};
  }
};

struct NarrowGradients
    : public ::mlir::pock::impl::NarrowGradientsBase<NarrowGradients> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto gradients =
        dyn_cast_or_null<StringAttr>(module->removeAttr(attribute::gradients));
    if (!gradients || gradients == "f32")
      return;
    auto type = NarrowType::get(&getContext(), gradients);
    for (auto func : module.getOps<func::FuncOp>()) {
      if (func.isExternal())
        continue;
      StepPhases phases(func);
      SmallVector<Product> products;
      for (Operation &op : func.getBody().front())
        if (phases.isBackward(&op))
          if (std::optional<Product> product = match(&op, type))
            products.push_back(*product);
      for (const Product &product : products)
        narrow(product, type);
    }
  }

private:
  /// `op` as a product that can be narrowed.
  static std::optional<Product> match(Operation *op, const NarrowType &type) {
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
      if ((type.isFloat() || takesZero(product)) && product.countBits(type))
        return product;
    }
    return {};
  }

  static void narrow(const Product &product, const NarrowType &narrow) {
    Operation *op = product.op;
    OpBuilder builder(op);
    Expr g(builder, op->getLoc(), product.getGradient());
    IntegerAttr bits = builder.getI64IntegerAttr(*product.countBits(narrow));
    RankedTensorType type = g.type();
    Expr magnitude =
        g.make<MagnitudeOp>(type.clone(builder.getI32Type()), Value(g));
    Value maximum = magnitude.make<AmaxOp>(
        Value(magnitude),
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())),
        /*keepdim=*/false);
    Value narrowed = g.make<BlockQuantizeOp>(type.clone(narrow.gradient),
                                             Value(g), maximum, bits);

    auto real = cast<RankedTensorType>(op->getResult(0).getType());
    Value integers = narrow.isFloat() ? toFloats(builder, product, narrow)
                                      : product.integers;
    Operation *sums = builder.clone(*op);
    sums->setOperand(product.index, integers);
    sums->setOperand(1 - product.index, narrowed);
    sums->getResult(0).setType(real.clone(narrow.sum));
    if (!narrow.isFloat() && product.zero != 0)
      setZero(sums, product.index, product.zero);
    Value result =
        g.make<BlockDequantizeOp>(real, sums->getResult(0), maximum, bits);
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }

  /// The integers as floats of the narrow type, in which they are exact.
  static Value toFloats(OpBuilder &builder, const Product &product,
                        const NarrowType &narrow) {
    Operation *real = builder.clone(
        *product.op->getOperand(product.index).getDefiningOp<DequantizeOp>());
    real->getResult(0).setType(
        cast<RankedTensorType>(real->getResult(0).getType())
            .clone(narrow.gradient));
    return real->getResult(0);
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
