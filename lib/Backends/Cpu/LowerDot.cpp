//===- LowerDot.cpp - pock.dot to instructions or multiply-adds -----------===//

#include "LowerDot.h"
#include "FunctionPatterns.h"
#include "Isa/GroupProduct.h"
#include "Pock/IR/Pock.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Lowers to the target's instruction, or to a sequence of multiply-adds.
struct LowerDot : OpRewritePattern<DotOp> {
  LowerDot(MLIRContext *context, ArrayRef<const GroupProduct *> rows)
      : OpRewritePattern(context), rows(rows) {}

  LogicalResult matchAndRewrite(DotOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (type && type.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "not a vector of rank 1");
    const GroupProduct *row = find(op);
    rewriter.replaceOp(op,
                       row ? call(op, *row, rewriter) : expand(op, rewriter));
    return success();
  }

private:
  /// The row that computes `op`, if there is one.
  const GroupProduct *find(DotOp op) const {
    MLIRContext *context = op.getContext();
    for (const GroupProduct *row : rows)
      if (row->getLhsType(context) == op.getLhsElement() &&
          row->getRhsType(context) == op.getRhsElement() &&
          row->getGroup() == op.getGroup())
        return row;
    return nullptr;
  }

  /// Multiply-adds in the order of the group.
  static Value expand(DotOp op, PatternRewriter &b) {
    Value sum = op.getSum();
    for (int64_t i = 0, e = op.getGroup(); i < e; ++i) {
      Location loc = op.getLoc();
      Value lhs = extract(op, op.getLhs(), op.getLhsElement(), i, b);
      Value rhs = extract(op, op.getRhs(), op.getRhsElement(), i, b);
      if (isa<FloatType>(op.getLhsElement()))
        sum = math::FmaOp::create(b, loc, lhs, rhs, sum);
      else
        sum = arith::AddIOp::create(b, loc, sum,
                                    arith::MulIOp::create(b, loc, lhs, rhs));
    }
    return sum;
  }

  /// Element `index` of each group of `words`, widened to the type of the sum.
  static Value extract(DotOp op, Value words, Type element, int64_t index,
                       PatternRewriter &b) {
    Location loc = op.getLoc();
    Type type = words.getType();
    int64_t width = element.getIntOrFloatBitWidth();
    int64_t bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
    auto constant = [&](const APInt &value) -> Value {
      TypedAttr attr = IntegerAttr::get(getElementTypeOrSelf(type), value);
      if (auto vector = dyn_cast<VectorType>(type))
        attr = DenseElementsAttr::get(vector, attr);
      return arith::ConstantOp::create(b, loc, attr);
    };
    int64_t above = bits - (index + 1) * width;
    if (element.isBF16() && bits == 32) {
      // bf16 is the upper half of f32.
      Value high = words;
      if (above)
        high =
            arith::ShLIOp::create(b, loc, words, constant(APInt(bits, above)));
      else
        high = arith::AndIOp::create(
            b, loc, words, constant(APInt::getHighBitsSet(bits, width)));
      return arith::BitcastOp::create(b, loc, op.getType(), high);
    }
    Value high = above ? Value(arith::ShLIOp::create(
                             b, loc, words, constant(APInt(bits, above))))
                       : words;
    Value down = constant(APInt(bits, bits - width));
    bool isSigned = element.isSignedInteger();
    Value low = isSigned ? Value(arith::ShRSIOp::create(b, loc, high, down))
                         : Value(arith::ShRUIOp::create(b, loc, high, down));
    if (bits == 32)
      return low;
    Type narrow = b.getIntegerType(32);
    if (auto vector = dyn_cast<VectorType>(type))
      narrow = vector.clone(narrow);
    low = arith::TruncIOp::create(b, loc, narrow, low);
    if (!element.isBF16())
      return low;
    Value places = arith::ConstantOp::create(
        b, loc,
        isa<VectorType>(narrow)
            ? TypedAttr(DenseElementsAttr::get(cast<VectorType>(narrow),
                                               b.getI32IntegerAttr(16)))
            : TypedAttr(b.getI32IntegerAttr(16)));
    low = arith::ShLIOp::create(b, loc, low, places);
    return arith::BitcastOp::create(b, loc, op.getType(), low);
  }

  /// Calls the intrinsic with the smallest sufficient number of lanes. Unused
  /// lanes are filled; vectors with more lanes than any intrinsic are halved.
  static Value call(DotOp op, const GroupProduct &row, PatternRewriter &b) {
    Location loc = op.getLoc();
    auto type = dyn_cast<VectorType>(op.getType());
    int64_t count = type ? type.getNumElements() : 1;
    auto fits = llvm::find_if(row.lanes, [&](int64_t l) { return l >= count; });
    if (fits == row.lanes.end()) {
      // Compute both halves separately.
      SmallVector<int64_t> low, high;
      for (int64_t i = 0; i < count; ++i)
        (i < count / 2 ? low : high).push_back(i);
      auto half = [&](ArrayRef<int64_t> mask) -> Value {
        auto take = [&](Value value) -> Value {
          return vector::ShuffleOp::create(b, loc, value, value, mask);
        };
        Value sum = take(op.getSum());
        return DotOp::create(b, loc, sum.getType(), sum, take(op.getLhs()),
                             take(op.getRhs()), op.getLhsElement(),
                             op.getRhsElement());
      };
      Value first = half(low), second = half(high);
      return vector::ShuffleOp::create(
          b, loc, first, second, llvm::to_vector(llvm::seq<int64_t>(0, count)));
    }
    int64_t lanes = *fits;
    SmallVector<int64_t> mask;
    for (int64_t i = 0; i < lanes; ++i)
      mask.push_back(std::min(i, count - 1));
    auto fill = [&](Value value) -> Value {
      if (!type)
        return lanes == 1
                   ? value
                   : vector::BroadcastOp::create(
                         b, loc, VectorType::get({lanes}, value.getType()),
                         value);
      return count == lanes
                 ? value
                 : vector::ShuffleOp::create(b, loc, value, value, mask);
    };
    auto group = [&](Value value, Type element) -> Value {
      Value words = fill(value);
      if (row.takesWords)
        return words;
      // (Integers in vectors are signless.)
      Type stored = element;
      if (isa<IntegerType>(element))
        stored = b.getIntegerType(element.getIntOrFloatBitWidth());
      return vector::BitCastOp::create(
          b, loc, VectorType::get({row.getGroup() * lanes}, stored), words);
    };
    Value sum = fill(op.getSum());
    SmallVector<Value> operands{group(op.getLhs(), op.getLhsElement()),
                                group(op.getRhs(), op.getRhsElement())};
    if (row.sum == GroupProduct::Sum::First)
      operands.insert(operands.begin(), sum);
    else if (row.sum == GroupProduct::Sum::Last)
      operands.push_back(sum);
    Value result = LLVM::CallIntrinsicOp::create(
                       b, loc, sum.getType(),
                       b.getStringAttr(row.intrinsic(lanes)), operands)
                       .getResult(0);
    if (row.sum == GroupProduct::Sum::Apart)
      result = arith::AddIOp::create(b, loc, sum, result);
    if (!type)
      return lanes == 1 ? result
                        : Value(vector::ExtractOp::create(b, loc, result, 0));
    mask.resize(count);
    return count == lanes
               ? result
               : vector::ShuffleOp::create(b, loc, result, result, mask);
  }

  SmallVector<const GroupProduct *> rows;
};

/// A group view has the address of its source.
struct LowerGroupView : ConvertOpToLLVMPattern<GroupViewOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(GroupViewOp op, OpAdaptor adaptor,
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

} // namespace

LogicalResult lowerDots(ModuleOp module, const TargetDescription &target) {
  SmallVector<const GroupProduct *> rows = listGroupProducts(target);
  llvm::append_range(rows, listScalarProducts(target));
  RewritePatternSet patterns(module.getContext());
  patterns.add<LowerDot>(module.getContext(), rows);
  return applyToFunctions(module, std::move(patterns));
}

void populateGroupViewToLLVMPatterns(const LLVMTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<LowerGroupView>(converter);
}

} // namespace mlir::pock
