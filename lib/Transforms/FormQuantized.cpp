//===- FormQuantized.cpp - compute with integers --------------------------===//
//
// Rewrites by the patterns of QuantizedPatterns.cpp. In between, it stores as
// integers each bias that is only added to sums of one scale, so that the
// patterns add integers.
//
//===----------------------------------------------------------------------===//

#include "QuantizedPatterns.h"
#include "Views.h"

#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FORMQUANTIZED
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// The sum of products that makes the integers of `sum`, before views and
/// additions; null if there is none.
static Operation *productOf(Value integers) {
  Operation *op = integers.getDefiningOp();
  while (op && isa<ReshapeOp, AddOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return op && isa<ConvOp, ConvTransposeOp, LinearOp, MatmulOp>(op) ? op
                                                                    : nullptr;
}

/// The largest absolute value of a sum of `product`.
static int64_t largestSum(Operation *product) {
  Value weight = product->getOperand(1);
  ArrayRef<int64_t> shape = shapeOf(weight);
  int64_t outputs = 1, channel = 0;
  if (auto conv = dyn_cast<ConvOp>(product))
    channel = FilterDims::get(conv.getLayout(), shape.size()).out;
  else if (auto conv = dyn_cast<ConvTransposeOp>(product))
    channel = FilterDims::get(conv.getLayout(), shape.size()).in;
  else if (auto matmul = dyn_cast<MatmulOp>(product))
    channel = shape.size() - (matmul.getTransposeRhs() ? 2 : 1);
  outputs = shape[channel];
  if (isa<MatmulOp>(product))
    for (int64_t size : shape.drop_back(2))
      outputs *= size;
  // `fitsSum` has refused larger ones.
  return std::min(llvm::product_of(shape) / outputs * 255 * 255, int64_t(1)
                                                                     << 30);
}

namespace {
struct FormQuantized
    : public ::mlir::pock::impl::FormQuantizedBase<FormQuantized> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    bool quantised = false;
    module.walk([&](DequantizeOp) { quantised = true; });
    if (!quantised)
      return;
    auto rewrite = [&] {
      RewritePatternSet patterns(&getContext());
      populateQuantizedPatterns(patterns, module);
      if (succeeded(applyPatternsGreedily(module, std::move(patterns))))
        return success();
      module.emitError("integers did not settle");
      return failure();
    };
    if (failed(rewrite()))
      return signalPassFailure();
    bool changed = false;
    for (ParamOp param : module.getOps<ParamOp>())
      changed |= storeAsIntegers(param);
    if (changed && failed(rewrite()))
      return signalPassFailure();
    for (ParamOp param : module.getOps<ParamOp>())
      boundBias(param);
  }

  SmallVector<LoadParamOp> loadsOf(ParamOp param) {
    SmallVector<LoadParamOp> loads;
    getOperation().walk([&](LoadParamOp load) {
      if (load.getParam() == param.getSymName())
        loads.push_back(load);
    });
    return loads;
  }

  /// Limits the bias `param`, which is stored as integers, so that no sum with
  /// it overflows.
  void boundBias(ParamOp param) {
    QuantizationAttr quantization = param.getQuantizationAttr();
    auto type = cast<RankedTensorType>(param.getType());
    if (!quantization || !type.getElementType().isInteger(32))
      return;
    int64_t bound = 0;
    for (LoadParamOp load : loadsOf(param))
      forEachReader(load, [&](Operation *reader) {
        auto add = dyn_cast<AddOp>(reader);
        if (!add)
          return;
        bool left = storageOf(add.getLhs()) == load.getResult();
        if (Operation *product = productOf(left ? add.getRhs() : add.getLhs()))
          bound = std::max(bound, largestSum(product));
      });
    int64_t limit = std::numeric_limits<int32_t>::max() - bound;
    param.setQuantizationAttr(QuantizationAttr::get(
        &getContext(), quantization.getScale(), quantization.getZeroPoint(),
        std::max(quantization.getMin(), -limit),
        std::min(quantization.getMax(), limit), quantization.getScales(),
        quantization.getAxis()));
  }

  /// Stores the bias `param` in the scale of the sums that it is added to, if
  /// all its readers are such sums.
  bool storeAsIntegers(ParamOp param) {
    auto type = cast<RankedTensorType>(param.getType());
    if (param.getKind() != ParamKind::Parameter ||
        !type.getElementType().isF32() || type.getRank() != 1)
      return false;
    SmallVector<LoadParamOp> loads = loadsOf(param);
    std::optional<QuantizedValue> sum;
    for (LoadParamOp load : loads) {
      bool fits = true;
      forEachReader(load, [&](Operation *reader) {
        auto add = dyn_cast<AddOp>(reader);
        fits = fits && add && findSum(add, load, sum);
      });
      if (!fits)
        return false;
    }
    if (!sum)
      return false;
    OpBuilder b(param);
    constexpr int64_t limit = std::numeric_limits<int32_t>::max();
    auto quantization =
        QuantizationAttr::get(&getContext(), Real(sum->scale), 0, -limit, limit,
                              sum->scalesSymbol, sum->scales ? 0 : -1);
    auto integers = type.clone(b.getI32Type());
    param.setType(integers);
    param.setQuantizationAttr(quantization);
    for (LoadParamOp load : loads) {
      b.setInsertionPointAfter(load);
      load.getResult().setType(integers);
      Value scales;
      if (sum->scales)
        scales = LoadParamOp::create(b, load.getLoc(), sum->scales.getType(),
                                     sum->scalesSymbol);
      auto real = DequantizeOp::create(b, load.getLoc(), type, load, scales,
                                       b.getF64FloatAttr(sum->scale),
                                       b.getI64IntegerAttr(0));
      load.getResult().replaceAllUsesExcept(real, real);
    }
    return true;
  }

  /// Whether `add` adds a view of `bias` to a sum of products along the
  /// dimension of its scales, of the scale of `known`, if that is set; sets it.
  static bool findSum(AddOp add, LoadParamOp bias,
                      std::optional<QuantizedValue> &known) {
    bool left = storageOf(add.getLhs()) == bias.getResult();
    Value vector = left ? add.getLhs() : add.getRhs();
    auto sum = QuantizedValue::match(left ? add.getRhs() : add.getLhs());
    if (!sum || !sum->isWide() || sum->zeroPoint != 0 ||
        !productOf(sum->integers))
      return false;
    ArrayRef<int64_t> shape = shapeOf(vector);
    int64_t channels = shapeOf(bias).front();
    // `[C, 1, …]`, from the channels' dimension on.
    if (shape.empty() || shape.front() != channels ||
        llvm::product_of(shape) != channels)
      return false;
    if (sum->scales && static_cast<int64_t>(shapeOf(sum->integers).size() -
                                            shape.size()) != sum->axis)
      return false;
    if (known && (known->scale != sum->scale ||
                  known->scalesSymbol != sum->scalesSymbol))
      return false;
    known = sum;
    return true;
  }
};
} // namespace
