//===- LowerBf16.cpp - bf16 for targets with and without it ---------------===//

#include "LowerBf16.h"
#include "Pock/IR/Pock.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// The instruction of the target, or two fused multiply-adds.
struct LowerDotPairs : OpRewritePattern<DotPairsOp> {
  LowerDotPairs(MLIRContext *context, bool native)
      : OpRewritePattern(context), native(native) {}

  LogicalResult matchAndRewrite(DotPairsOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (type && type.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "not a vector of rank 1");
    rewriter.replaceOp(op, native ? call(op, rewriter) : expand(op, rewriter));
    return success();
  }

private:
  static Value expand(DotPairsOp op, PatternRewriter &b) {
    Location loc = op.getLoc();
    Type integers = op.getLhs().getType(), floats = op.getType();
    auto constant = [&](int64_t bits) -> Value {
      TypedAttr attr = b.getI32IntegerAttr(bits);
      if (auto type = dyn_cast<VectorType>(integers))
        attr = DenseElementsAttr::get(type, attr);
      return arith::ConstantOp::create(b, loc, attr);
    };
    auto low = [&](Value pair) -> Value {
      return arith::BitcastOp::create(
          b, loc, floats, arith::ShLIOp::create(b, loc, pair, constant(16)));
    };
    auto high = [&](Value pair) -> Value {
      return arith::BitcastOp::create(
          b, loc, floats,
          arith::AndIOp::create(b, loc, pair, constant(-0x10000)));
    };
    Value sum = math::FmaOp::create(b, loc, low(op.getLhs()), low(op.getRhs()),
                                    op.getSum());
    return math::FmaOp::create(b, loc, high(op.getLhs()), high(op.getRhs()),
                               sum);
  }

  /// There are instructions for 4, 8 and 16 lanes; others fill lanes up.
  static Value call(DotPairsOp op, PatternRewriter &b) {
    Location loc = op.getLoc();
    auto type = dyn_cast<VectorType>(op.getType());
    int64_t count = type ? type.getNumElements() : 1;
    int64_t lanes = std::max<int64_t>(4, llvm::PowerOf2Ceil(count));
    if (lanes > 16) {
      // Halves, one after the other.
      SmallVector<int64_t> low, high;
      for (int64_t i = 0; i < count; ++i)
        (i < count / 2 ? low : high).push_back(i);
      auto half = [&](ArrayRef<int64_t> mask) -> Value {
        auto take = [&](Value value) -> Value {
          return vector::ShuffleOp::create(b, loc, value, value, mask);
        };
        return DotPairsOp::create(b, loc, take(op.getSum()), take(op.getLhs()),
                                  take(op.getRhs()));
      };
      Value first = half(low), second = half(high);
      return vector::ShuffleOp::create(
          b, loc, first, second, llvm::to_vector(llvm::seq<int64_t>(0, count)));
    }
    SmallVector<int64_t> mask;
    for (int64_t i = 0; i < lanes; ++i)
      mask.push_back(std::min(i, count - 1));
    auto fill = [&](Value value) -> Value {
      if (!type)
        return vector::BroadcastOp::create(
            b, loc, VectorType::get({lanes}, value.getType()), value);
      return count == lanes
                 ? value
                 : vector::ShuffleOp::create(b, loc, value, value, mask);
    };
    auto pairs = [&](Value value) -> Value {
      return vector::BitCastOp::create(
          b, loc, VectorType::get({2 * lanes}, b.getBF16Type()), fill(value));
    };
    std::string name =
        "llvm.x86.avx512bf16.dpbf16ps." + std::to_string(lanes * 32);
    Value result = LLVM::CallIntrinsicOp::create(
                       b, loc, VectorType::get({lanes}, b.getF32Type()),
                       b.getStringAttr(name),
                       ValueRange{fill(op.getSum()), pairs(op.getLhs()),
                                  pairs(op.getRhs())})
                       .getResult(0);
    if (!type)
      return vector::ExtractOp::create(b, loc, result, 0);
    mask.resize(count);
    return count == lanes
               ? result
               : vector::ShuffleOp::create(b, loc, result, result, mask);
  }

  bool native;
};

/// Pairs are at the same address.
struct LowerPairView : ConvertOpToLLVMPattern<PairViewOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(PairViewOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefDescriptor source(adaptor.getSource());
    Location loc = op.getLoc();
    rewriter.replaceOp(op, {MemRefDescriptor::fromStaticShape(
                               rewriter, loc, *getTypeConverter(), op.getType(),
                               source.allocatedPtr(rewriter, loc),
                               source.alignedPtr(rewriter, loc))});
    return success();
  }
};

/// Turns bf16 into 16 bits, which integer operations make and take apart: where
/// the target has no bf16, LLVM would call its runtime library to round, and
/// even to take an element out of a vector.
LogicalResult expandBf16(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  arith::populateExpandBFloat16Patterns(patterns);
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return failure();
  AttrTypeReplacer replacer;
  auto bitsOf = [](const APFloat &value) { return value.bitcastToAPInt(); };
  replacer.addReplacement([](BFloat16Type type) -> Type {
    return IntegerType::get(type.getContext(), 16);
  });
  replacer.addReplacement([&](FloatAttr value) -> Attribute {
    if (!value.getType().isBF16())
      return value;
    return IntegerAttr::get(IntegerType::get(value.getContext(), 16),
                            bitsOf(value.getValue()));
  });
  replacer.addReplacement([&](DenseFPElementsAttr values) -> Attribute {
    if (!values.getElementType().isBF16())
      return values;
    return values.mapValues(IntegerType::get(values.getContext(), 16), bitsOf);
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  return success();
}

} // namespace

LogicalResult lowerBf16(ModuleOp module, const TargetDescription &target) {
  RewritePatternSet patterns(module.getContext());
  patterns.add<LowerDotPairs>(module.getContext(), target.hasBf16Products());
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return failure();
  // (The instruction that rounds takes denormals for zeros.)
  bool hasBf16 =
      !target.portable && StringRef(target.features).contains("+avx512bf16");
  return hasBf16 ? success() : expandBf16(module);
}

void populatePairViewToLLVMPatterns(const LLVMTypeConverter &converter,
                                    RewritePatternSet &patterns) {
  patterns.add<LowerPairView>(converter);
}

} // namespace mlir::pock
