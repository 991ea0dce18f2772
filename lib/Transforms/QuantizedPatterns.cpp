//===- QuantizedPatterns.cpp - integers between dequantize and quantize ---===//
//
// pock.dequantize moves behind the ops whose results stand for real numbers,
// too: data movement (QuantizedMoves.cpp), and products, whose sums have the
// product of both scales. Where it meets pock.quantize, both become a
// pock.requantize of the integers.
//
//===----------------------------------------------------------------------===//

#include "QuantizedPatterns.h"

#include "KnownParameters.h"
#include "Views.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

//===----------------------------------------------------------------------===//
// Quantised values and scales
//===----------------------------------------------------------------------===//

std::optional<QuantizedValue> QuantizedValue::match(Value value) {
  auto op = value.getDefiningOp<DequantizeOp>();
  if (!op || !op.getType().getElementType().isF32())
    return std::nullopt;
  QuantizedValue result{op,
                        op.getInput(),
                        op.getScale().convertToDouble(),
                        static_cast<int64_t>(op.getZeroPoint()),
                        {},
                        {}};
  if (!op.getScales())
    return result;
  // A vector along one dimension: [C, 1, …].
  auto load = storageOf(op.getScales()).getDefiningOp<LoadParamOp>();
  ArrayRef<int64_t> shape = shapeOf(op.getScales());
  int64_t axis = op.getType().getRank() - static_cast<int64_t>(shape.size());
  if (!load || load.getType().getRank() != 1 || shape.empty() ||
      op.getType().getDimSize(axis) != shape.front() ||
      llvm::product_of(shape) != shape.front())
    return std::nullopt;
  result.scales = load;
  result.scalesSymbol = load.getParamAttr();
  result.axis = axis;
  return result;
}

std::optional<QuantizedValue> QuantizedValue::matchBytes(Value value) {
  std::optional<QuantizedValue> result = match(value);
  if (!result || result->isWide() || !result->isPerTensor())
    return std::nullopt;
  return result;
}

bool QuantizedValue::isWide() const {
  return !cast<RankedTensorType>(integers.getType())
              .getElementType()
              .isInteger(8);
}

std::optional<FixedScale> FixedScale::get(double scale) {
  if (!(scale >= std::ldexp(1.0, -32)) || !(scale <= std::ldexp(1.0, 15)))
    return std::nullopt;
  // The shortest shift for which the multiplier fits.
  for (int32_t shift = 0; shift < 32; ++shift) {
    double multiplier = std::floor(std::ldexp(scale, 32 - shift) + 0.5);
    if (multiplier < std::ldexp(1.0, 31))
      return FixedScale{static_cast<int32_t>(multiplier), shift};
  }
  return std::nullopt;
}

/// Integers of 32 bits without their zero point.
static Expr centred(OpBuilder &b, Location loc, const QuantizedValue &value) {
  Expr integers(b, loc, value.integers);
  if (!value.isWide())
    integers = integers.make<CastOp>(integers.type().clone(b.getI32Type()),
                                     value.integers);
  return value.zeroPoint == 0 ? integers
                              : integers - static_cast<double>(value.zeroPoint);
}

/// Replaces `quantize` by the requantization of `sum`, whose entries have the
/// scale `scale`.
static LogicalResult requantize(PatternRewriter &rewriter, QuantizeOp quantize,
                                Value sum, double scale) {
  std::optional<FixedScale> fixed =
      FixedScale::get(scale / quantize.getScale().convertToDouble());
  if (!fixed)
    return rewriter.notifyMatchFailure(quantize, "a ratio of scales beyond the "
                                                 "range of multipliers");
  auto scalar = [&](int32_t number) -> Value {
    return splatConstant(rewriter, quantize.getLoc(),
                         RankedTensorType::get({}, rewriter.getI32Type()),
                         number);
  };
  Value multiplier = scalar(fixed->multiplier);
  rewriter.replaceOpWithNewOp<RequantizeOp>(
      quantize, quantize.getType(), sum, multiplier,
      fixed->shift ? scalar(fixed->shift) : Value(),
      quantize.getZeroPointAttr(), quantize.getMinAttr(),
      quantize.getMaxAttr());
  return success();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// The largest distance of the integers of `value` from its zero point.
static double largest(const QuantizedValue &value) {
  int64_t min = -128, max = 127;
  if (auto load = value.integers.getDefiningOp<LoadParamOp>())
    if (auto param = SymbolTable::lookupNearestSymbolFrom<ParamOp>(
            load, load.getParamAttr()))
      if (QuantizationAttr quantization = param.getQuantizationAttr()) {
        min = quantization.getMin();
        max = quantization.getMax();
      }
  // (Any 64-bit number may be a zero point here.)
  auto zero = static_cast<double>(value.zeroPoint);
  return std::max(zero - static_cast<double>(min),
                  static_cast<double>(max) - zero);
}

/// Sums of this many products stay below 2^30, so that a bias fits, too.
static bool fitsSum(int64_t terms, const QuantizedValue &lhs,
                    const QuantizedValue &rhs) {
  return static_cast<double>(terms) * largest(lhs) * largest(rhs) < 0x1p30;
}

/// How many products of `filter` each of its entries `dim` sums.
static int64_t countFilterTerms(ArrayRef<int64_t> filter, int64_t dim) {
  return llvm::product_of(filter.take_front(dim)) *
         llvm::product_of(filter.drop_front(dim + 1));
}

namespace {
/// The operands of a product of bytes. Scales per channel are on the right
/// only, and then the right zero point is 0.
struct Factors {
  QuantizedValue lhs, rhs;

  /// Matches the operands of `op`, a product that sums `terms` terms. Scales of
  /// `rhs` must lie along `axis`.
  static FailureOr<Factors> match(PatternRewriter &rewriter, Operation *op,
                                  Value lhs, Value rhs, int64_t axis,
                                  int64_t terms) {
    auto left = QuantizedValue::matchBytes(lhs);
    auto right = QuantizedValue::match(rhs);
    if (!left || !right || right->isWide())
      return rewriter.notifyMatchFailure(op, "expected quantised operands");
    if (right->scales && (right->axis != axis || right->zeroPoint != 0))
      return rewriter.notifyMatchFailure(
          op, "expected a scale per output channel and no zero point");
    if (!fitsSum(terms, *left, *right))
      return rewriter.notifyMatchFailure(op, "the sum may overflow");
    return Factors{*left, *right};
  }

  /// The same for a weight, which has no zero point.
  static FailureOr<Factors> matchWeight(PatternRewriter &rewriter,
                                        Operation *op, Value lhs, Value rhs,
                                        int64_t axis, int64_t terms) {
    FailureOr<Factors> factors = match(rewriter, op, lhs, rhs, axis, terms);
    if (succeeded(factors) && factors->rhs.zeroPoint != 0)
      return rewriter.notifyMatchFailure(op, "expected no zero point");
    return factors;
  }

  /// The sums `integers` of products as real numbers, in place of `op`.
  void replace(PatternRewriter &rewriter, Operation *op, Value integers,
               int64_t axis) const {
    auto type = cast<RankedTensorType>(integers.getType());
    Value scales;
    if (rhs.scales)
      scales =
          alongAxis(rewriter, op->getLoc(), rhs.scales, axis, type.getRank());
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, op->getResultTypes().front(), integers, scales,
        rewriter.getF64FloatAttr(lhs.scale * rhs.scale),
        rewriter.getI64IntegerAttr(0));
  }
};

struct FormConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op,
                                PatternRewriter &rewriter) const override {
    FilterDims dims = FilterDims::get(op.getLayout(), op.getType().getRank());
    ArrayRef<int64_t> weight = shapeOf(op.getWeight());
    FailureOr<Factors> factors =
        Factors::matchWeight(rewriter, op, op.getInput(), op.getWeight(),
                             dims.out, countFilterTerms(weight, dims.out));
    if (failed(factors))
      return failure();
    auto conv = ConvOp::create(
        rewriter, op.getLoc(), factors->lhs.integers, factors->rhs.integers,
        op.getStridesAttr(), op.getPadLowAttr(), op.getPadHighAttr(),
        op.getDilationsAttr(), op.getGroupsAttr(), op.getLayoutAttr(),
        op.getAlgorithmAttr(),
        rewriter.getI64IntegerAttr(factors->lhs.zeroPoint),
        rewriter.getI64IntegerAttr(0));
    factors->replace(rewriter, op, conv,
                     channelDim(op.getLayout(), op.getType().getRank()));
    return success();
  }
};

struct FormConvTranspose : OpRewritePattern<ConvTransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvTransposeOp op,
                                PatternRewriter &rewriter) const override {
    // The output channels are the input channels of the convolution that it
    // transposes. Those of several groups share scales.
    FilterDims dims = FilterDims::get(op.getLayout(), op.getType().getRank());
    ArrayRef<int64_t> weight = shapeOf(op.getWeight());
    FailureOr<Factors> factors = Factors::matchWeight(
        rewriter, op, op.getInput(), op.getWeight(),
        op.getGroups() == 1 ? dims.in : -1, countFilterTerms(weight, dims.in));
    if (failed(factors))
      return failure();
    auto conv = ConvTransposeOp::create(
        rewriter, op.getLoc(), op.getType().clone(rewriter.getI32Type()),
        factors->lhs.integers, factors->rhs.integers, op.getStridesAttr(),
        op.getPadLowAttr(), op.getPadHighAttr(), op.getDilationsAttr(),
        op.getGroupsAttr(), op.getLayoutAttr(), AlgorithmAttr(),
        rewriter.getI64IntegerAttr(factors->lhs.zeroPoint));
    factors->replace(rewriter, op, conv,
                     channelDim(op.getLayout(), op.getType().getRank()));
    return success();
  }
};

struct FormLinear : OpRewritePattern<LinearOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LinearOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<Factors> factors = Factors::matchWeight(
        rewriter, op, op.getInput(), op.getWeight(), /*axis=*/0,
        /*terms=*/shapeOf(op.getWeight())[1]);
    if (failed(factors))
      return failure();
    auto product = LinearOp::create(
        rewriter, op.getLoc(), factors->lhs.integers, factors->rhs.integers,
        static_cast<uint64_t>(factors->lhs.zeroPoint));
    factors->replace(rewriter, op, product, op.getType().getRank() - 1);
    return success();
  }
};

struct FormMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    int64_t rank = op.getType().getRank();
    int64_t axis = op.getTransposeRhs() ? rank - 2 : rank - 1;
    int64_t terms =
        shapeOf(op.getLhs())[op.getTransposeLhs() ? rank - 2 : rank - 1];
    FailureOr<Factors> factors =
        Factors::match(rewriter, op, op.getLhs(), op.getRhs(), axis, terms);
    if (failed(factors))
      return failure();
    auto product = MatmulOp::create(
        rewriter, op.getLoc(), factors->lhs.integers, factors->rhs.integers,
        op.getTransposeLhs(), op.getTransposeRhs(),
        static_cast<uint64_t>(factors->lhs.zeroPoint),
        static_cast<uint64_t>(factors->rhs.zeroPoint));
    factors->replace(rewriter, op, product, rank - 1);
    return success();
  }
};

/// The sum of integers of one scale: a bias.
struct FormAddOfSums : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    auto lhs = QuantizedValue::match(op.getLhs());
    auto rhs = QuantizedValue::match(op.getRhs());
    if (!lhs || !rhs || !lhs->isWide() || !rhs->isWide() ||
        lhs->zeroPoint != 0 || rhs->zeroPoint != 0 || lhs->scale != rhs->scale)
      return rewriter.notifyMatchFailure(op, "expected sums of one scale");
    int64_t rank = op.getType().getRank();
    // Dimensions are counted from the last one.
    auto fromEnd = [](const QuantizedValue &value) {
      return value.scales ? shapeOf(value.integers).size() - value.axis : 0;
    };
    if (fromEnd(*lhs) != fromEnd(*rhs) ||
        lhs->scalesSymbol != rhs->scalesSymbol)
      return rewriter.notifyMatchFailure(op, "expected sums of one scale");
    Expr sum = Expr(rewriter, op.getLoc(), lhs->integers) +
               Expr(rewriter, op.getLoc(), rhs->integers);
    rewriter.replaceOp(
        op, dequantizeLike(rewriter, op.getLoc(), sum, *lhs,
                           rank - static_cast<int64_t>(fromEnd(*lhs))));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Quantize
//===----------------------------------------------------------------------===//

/// quantize(dequantize(sum)) -> requantize(sum).
struct FormRequantize : OpRewritePattern<QuantizeOp> {
  FormRequantize(MLIRContext *context, ModuleOp module)
      : OpRewritePattern(context), module(module) {}

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto input = QuantizedValue::match(op.getInput());
    if (!input)
      return rewriter.notifyMatchFailure(op, "expected integers");
    Location loc = op.getLoc();
    if (input->isPerTensor()) {
      if (!input->isWide() && isSame(op, *input)) {
        rewriter.replaceOp(op, input->integers);
        return success();
      }
      if (!FixedScale::get(input->scale / op.getScale().convertToDouble()))
        return rewriter.notifyMatchFailure(op, "expected a usual scale");
      return requantize(rewriter, op, centred(rewriter, loc, *input),
                        input->scale);
    }
    SmallVector<double> scales = knownValues(module, input->scalesSymbol);
    SmallVector<int32_t> multipliers, shifts;
    for (double scale : scales) {
      std::optional<FixedScale> fixed = FixedScale::get(
          std::max(input->scale * scale / op.getScale().convertToDouble(),
                   std::ldexp(1.0, -32)));
      if (!fixed)
        return rewriter.notifyMatchFailure(op, "expected usual scales");
      multipliers.push_back(fixed->multiplier);
      shifts.push_back(fixed->shift);
    }
    if (scales.empty() || !input->isWide() || input->zeroPoint != 0)
      return rewriter.notifyMatchFailure(op, "expected known scales of a sum");
    StringRef stem = input->scalesSymbol.getValue();
    stem.consume_back(".scale");
    int64_t rank = op.getType().getRank();
    auto load = [&](StringRef what, ArrayRef<int32_t> values) {
      auto type = RankedTensorType::get({static_cast<int64_t>(values.size())},
                                        rewriter.getI32Type());
      Value vector = loadKnown(rewriter, loc, module, stem + "." + what,
                               DenseElementsAttr::get(type, values));
      return alongAxis(rewriter, loc, vector, input->axis, rank);
    };
    Value multiplier = load("multiplier", multipliers), shift;
    if (llvm::any_of(shifts, [](int32_t bits) { return bits != 0; }))
      shift = load("shift", shifts);
    rewriter.replaceOpWithNewOp<RequantizeOp>(
        op, op.getType(), input->integers, multiplier, shift,
        op.getZeroPointAttr(), op.getMinAttr(), op.getMaxAttr());
    return success();
  }

private:
  /// Whether quantizing gives the same bytes again.
  static bool isSame(QuantizeOp op, const QuantizedValue &input) {
    return op.getScale().convertToDouble() == input.scale &&
           static_cast<int64_t>(op.getZeroPoint()) == input.zeroPoint &&
           static_cast<int64_t>(op.getMin()) == -128 &&
           static_cast<int64_t>(op.getMax()) == 127;
  }

  ModuleOp module;
};

/// quantize(clamp(x)) -> quantize(x) within the limits' integers: quantize is
/// monotone.
struct NarrowRange : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Operation *clamp = op.getInput().getDefiningOp();
    if (!clamp || !isa<ReluOp, HardtanhOp, ClampOp>(clamp))
      return rewriter.notifyMatchFailure(op, "expected a clamp");
    int64_t min = op.getMin(), max = op.getMax();
    auto limit = [&](std::optional<double> low, std::optional<double> high) {
      // (Both ends are within the old range.)
      int64_t oldMin = min, oldMax = max;
      if (low)
        min = std::clamp(integerOf(op, *low), oldMin, oldMax);
      if (high)
        max = std::clamp(integerOf(op, *high), oldMin, oldMax);
    };
    auto number = [](std::optional<APFloat> value) {
      return value ? std::optional(value->convertToDouble()) : std::nullopt;
    };
    if (isa<ReluOp>(clamp))
      limit(0.0, std::nullopt);
    else if (auto hardtanh = dyn_cast<HardtanhOp>(clamp))
      limit(number(hardtanh.getMin()), number(hardtanh.getMax()));
    else
      limit(number(cast<ClampOp>(clamp).getMin()),
            number(cast<ClampOp>(clamp).getMax()));
    if (min > max)
      return rewriter.notifyMatchFailure(op, "expected an interval");
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(clamp->getOperand(0));
      op.setMin(min);
      op.setMax(max);
    });
    return success();
  }

private:
  /// What `op` makes of `value`, before clamping.
  static int64_t integerOf(QuantizeOp op, double value) {
    auto inverse = static_cast<float>(1.0 / op.getScale().convertToDouble());
    float scaled = std::nearbyint(static_cast<float>(value) * inverse);
    double moved = static_cast<double>(scaled) +
                   static_cast<double>(static_cast<int64_t>(op.getZeroPoint()));
    return static_cast<int64_t>(std::clamp(moved, -1e6, 1e6));
  }
};

/// quantize(dequantize(q)) of the same scale within narrower limits -> `q`
/// within them, if nothing else reads it: a quantiser has left a clamp to
/// itself.
struct NarrowAgain : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto input = QuantizedValue::matchBytes(op.getInput());
    if (!input || input->scale != op.getScale().convertToDouble() ||
        input->zeroPoint != static_cast<int64_t>(op.getZeroPoint()) ||
        !isOnlyReader(op, input->op) ||
        !isOnlyReader(input->op, input->integers))
      return rewriter.notifyMatchFailure(op, "expected integers of one scale");
    Operation *maker = input->integers.getDefiningOp();
    auto narrow = [&](auto made) {
      int64_t min = std::max<int64_t>(made.getMin(), op.getMin());
      int64_t max = std::min<int64_t>(made.getMax(), op.getMax());
      if (made.getZeroPoint() != op.getZeroPoint() || min > max)
        return rewriter.notifyMatchFailure(op, "expected a common range");
      rewriter.modifyOpInPlace(made, [&] {
        made.setMin(min);
        made.setMax(max);
      });
      rewriter.replaceOp(op, made.getResult());
      return success();
    };
    if (auto requantize = dyn_cast_or_null<RequantizeOp>(maker))
      return narrow(requantize);
    auto quantize = dyn_cast_or_null<QuantizeOp>(maker);
    if (quantize && quantize.getScale() == op.getScale())
      return narrow(quantize);
    return rewriter.notifyMatchFailure(op, "expected quantised numbers");
  }

private:
  /// Whether no other op reads `value`, apart from what will be erased.
  static bool isOnlyReader(Operation *op, Value value) {
    return llvm::all_of(value.getUsers(), [&](Operation *user) {
      return user == op || isOpTriviallyDead(user);
    });
  }
};

/// quantize(a + b) of bytes with different scales: `a m1 + b m2` with 20 bits
/// after the point, as many as fit into 32 bits for ratios of scales below 2.
/// (With 14 bits, one sum in 600 is another integer than that of real numbers.)
struct FormAdd : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  static constexpr int bits = 20;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Operation *sum = op.getInput().getDefiningOp();
    if (!sum || !isa<AddOp, SubOp>(sum))
      return rewriter.notifyMatchFailure(op, "expected a sum");
    auto lhs = QuantizedValue::matchBytes(sum->getOperand(0));
    auto rhs = QuantizedValue::matchBytes(sum->getOperand(1));
    if (!lhs || !rhs)
      return rewriter.notifyMatchFailure(op, "expected a sum of bytes");
    double ratios[] = {lhs->scale / op.getScale().convertToDouble(),
                       rhs->scale / op.getScale().convertToDouble()};
    double most = std::max(ratios[0], ratios[1]);
    if (most > 1024.0)
      return rewriter.notifyMatchFailure(op, "a ratio of scales above 1024");
    Type type = most < 2.0 ? rewriter.getI32Type() : rewriter.getI64Type();
    auto scaled = [&](const QuantizedValue &value, double ratio) {
      Expr x = centred(rewriter, op.getLoc(), value);
      if (type != x.type().getElementType())
        x = x.make<CastOp>(x.type().clone(type), Value(x));
      return x * std::floor(std::ldexp(ratio, bits) + 0.5);
    };
    Expr left = scaled(*lhs, ratios[0]);
    Expr right = scaled(*rhs, ratios[1]);
    Expr total = isa<AddOp>(sum) ? left + right : left - right;
    return requantize(rewriter, op, total,
                      std::ldexp(op.getScale().convertToDouble(), -bits));
  }
};

/// quantize(a * b) of bytes.
struct FormMul : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto product = op.getInput().getDefiningOp<MulOp>();
    if (!product)
      return rewriter.notifyMatchFailure(op, "expected a product");
    auto lhs = QuantizedValue::matchBytes(product.getLhs());
    auto rhs = QuantizedValue::matchBytes(product.getRhs());
    if (!lhs || !rhs)
      return rewriter.notifyMatchFailure(op, "expected a product of bytes");
    double scale = lhs->scale * rhs->scale;
    if (!FixedScale::get(scale / op.getScale().convertToDouble()))
      return rewriter.notifyMatchFailure(op, "expected usual scales");
    Expr left = centred(rewriter, op.getLoc(), *lhs);
    Expr right = centred(rewriter, op.getLoc(), *rhs);
    return requantize(rewriter, op, left * right, scale);
  }
};

/// quantize(mean(x)) and quantize(avg_pool(x)) of bytes: sums, and the number
/// of terms in the scale.
struct FormMean : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Operation *mean = op.getInput().getDefiningOp();
    if (!mean || !isa<MeanOp, AvgPoolOp, AdaptiveAvgPoolOp>(mean))
      return rewriter.notifyMatchFailure(op, "expected a mean");
    auto input = QuantizedValue::matchBytes(mean->getOperand(0));
    if (!input)
      return rewriter.notifyMatchFailure(op, "expected a mean of bytes");
    int64_t terms = countTerms(mean);
    if (terms < 1 || terms >= (int64_t(1) << 22) ||
        !FixedScale::get(input->scale / static_cast<double>(terms) /
                         op.getScale().convertToDouble()))
      return rewriter.notifyMatchFailure(op, "expected one usual divisor");
    Expr x = centred(rewriter, op.getLoc(), *input);
    Value sum;
    if (auto reduce = dyn_cast<MeanOp>(mean)) {
      sum = SumOp::create(rewriter, op.getLoc(), Value(x), reduce.getDims(),
                          reduce.getKeepdim());
    } else if (auto pool = dyn_cast<AvgPoolOp>(mean)) {
      SmallVector<int64_t> ones(pool.getKernel().size(), 1);
      sum = SumPoolOp::create(
          rewriter, op.getLoc(), Value(x), pool.getKernelAttr(),
          pool.getStridesAttr(), pool.getPadLowAttr(), pool.getPadHighAttr(),
          rewriter.getDenseI64ArrayAttr(ones), pool.getLayoutAttr());
    } else {
      auto whole = cast<AdaptiveAvgPoolOp>(mean);
      int64_t first = firstSpatialDim(whole.getLayout());
      auto dims =
          llvm::to_vector(llvm::seq<int64_t>(first, first + x.rank() - 2));
      sum = SumOp::create(rewriter, op.getLoc(), Value(x), dims,
                          /*keepdim=*/true);
    }
    return requantize(rewriter, op, sum,
                      input->scale / static_cast<double>(terms));
  }

private:
  /// The number of terms of every sum; 0 if they differ.
  static int64_t countTerms(Operation *mean) {
    if (auto reduce = dyn_cast<MeanOp>(mean)) {
      int64_t terms = 1;
      for (int64_t dim : reduce.getDims())
        terms *= shapeOf(reduce.getInput())[dim];
      return terms;
    }
    if (auto pool = dyn_cast<AvgPoolOp>(mean)) {
      auto isZero = [](int64_t i) { return i == 0; };
      if (pool.getDivisor())
        return *pool.getDivisor();
      bool padded = !llvm::all_of(pool.getPadLow(), isZero) ||
                    !llvm::all_of(pool.getPadHigh(), isZero);
      bool same = pool.getPadLow() == pool.getPadHigh();
      return padded && !(pool.getCountIncludePad() && same)
                 ? 0
                 : llvm::product_of(pool.getKernel());
    }
    auto whole = cast<AdaptiveAvgPoolOp>(mean);
    int64_t channel = channelDim(whole.getLayout(), whole.getType().getRank());
    ArrayRef<int64_t> from = shapeOf(whole.getInput());
    if (llvm::product_of(whole.getType().getShape()) != from[0] * from[channel])
      return 0;
    return llvm::product_of(from) / (from[0] * from[channel]);
  }
};

/// quantize(concat(a, b)) -> concat(quantize(a), quantize(b)).
struct QuantizeParts : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto concat = op.getInput().getDefiningOp<ConcatOp>();
    if (!concat || llvm::none_of(concat.getInputs(), [](Value part) {
          return QuantizedValue::match(part).has_value();
        }))
      return rewriter.notifyMatchFailure(op, "expected parts of integers");
    SmallVector<Value> parts;
    for (Value part : concat.getInputs())
      parts.push_back(QuantizeOp::create(
          rewriter, op.getLoc(),
          cast<RankedTensorType>(part.getType()).clone(rewriter.getI8Type()),
          part, op.getScaleAttr(), op.getZeroPointAttr(), op.getMinAttr(),
          op.getMaxAttr()));
    rewriter.replaceOpWithNewOp<ConcatOp>(op, parts, concat.getDim());
    return success();
  }
};
} // namespace

void pock::populateQuantizedPatterns(RewritePatternSet &patterns,
                                     ModuleOp module) {
  MLIRContext *context = patterns.getContext();
  populateQuantizedMoves(patterns);
  patterns
      .add<FormConv, FormConvTranspose, FormLinear, FormMatmul, FormAddOfSums,
           NarrowRange, FormAdd, FormMul, FormMean, QuantizeParts>(context);
  // Before a requantization of bytes is made of the same op.
  patterns.add<NarrowAgain>(context, /*benefit=*/2);
  patterns.add<FormRequantize>(context, module);
}
