//===- WideLanes.cpp - 64-bit arithmetic on even and odd lanes ------------===//
//
// A vector of 32-bit lanes that is extended to 64 bits has twice the size. LLVM
// computes on its lower and its upper half, which takes instructions that cross
// the 128-bit halves of a register in both directions. On even and odd lanes
// instead, extending and truncating are shifts and blends in place, and often
// nothing: VPMULDQ and VPMULUDQ read only the even 32-bit lanes.
//
// This covers the products of requantisation and of the random generator, which
// become 32 bits again.
//
//===----------------------------------------------------------------------===//

#include "WideArithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// The even and the odd lanes of a vector.
struct Halves {
  Value even, odd;
};

bool isVectorOf(Type type, unsigned width) {
  auto vector = dyn_cast<VectorType>(type);
  return vector && vector.getRank() == 1 && !vector.isScalable() &&
         vector.getNumElements() % 2 == 0 &&
         vector.getElementType().isInteger(width);
}

bool isExtension(Operation *op) {
  return isa_and_present<arith::ExtSIOp, arith::ExtUIOp>(op) &&
         isVectorOf(op->getOperand(0).getType(), 32);
}

/// Whether `op` computes each lane from the same lane of 64-bit vectors.
bool isLanewise(Operation *op) {
  return op && op->hasTrait<OpTrait::Elementwise>() &&
         op->getNumResults() == 1 && isMemoryEffectFree(op) &&
         llvm::all_of(op->getOperandTypes(), [&](Type type) {
           return type == op->getResult(0).getType();
         });
}

/// Whether `value`, a vector of 64-bit lanes, can be split.
bool canSplit(Value value) {
  Operation *op = value.getDefiningOp();
  if (isExtension(op) || isa_and_present<vector::BroadcastOp>(op))
    return isExtension(op) || isa<IntegerType>(op->getOperand(0).getType());
  DenseElementsAttr constant;
  if (matchPattern(value, m_Constant(&constant)))
    return constant.isSplat();
  return isLanewise(op) && llvm::all_of(op->getOperands(), canSplit);
}

class Splitter {
public:
  Splitter(OpBuilder &b, Location loc, VectorType whole)
      : b(b), loc(loc),
        half(VectorType::get({whole.getNumElements() / 2}, b.getI64Type())) {}

  Halves split(Value value) {
    auto [it, inserted] = known.try_emplace(value);
    if (!inserted)
      return it->second;
    Halves result = build(value);
    known[value] = result;
    return result;
  }

  /// The vector of 32-bit lanes with the lower parts of `halves`.
  Value join(Halves halves, VectorType type) {
    Value even = arith::AndIOp::create(b, loc, halves.even, splat(kLow));
    Value odd = arith::ShLIOp::create(b, loc, halves.odd, splat(32));
    Value bits = arith::OrIOp::create(b, loc, even, odd);
    return vector::BitCastOp::create(b, loc, type, bits);
  }

private:
  static constexpr int64_t kLow = 0xffffffff;

  Value splat(int64_t value) {
    return arith::ConstantOp::create(
        b, loc, SplatElementsAttr::get(half, b.getI64IntegerAttr(value)));
  }

  Halves build(Value value) {
    Operation *op = value.getDefiningOp();
    if (isExtension(op)) {
      Value bits = vector::BitCastOp::create(b, loc, half, op->getOperand(0));
      if (isa<arith::ExtUIOp>(op))
        return {arith::AndIOp::create(b, loc, bits, splat(kLow)),
                arith::ShRUIOp::create(b, loc, bits, splat(32))};
      Value up = arith::ShLIOp::create(b, loc, bits, splat(32));
      return {arith::ShRSIOp::create(b, loc, up, splat(32)),
              arith::ShRSIOp::create(b, loc, bits, splat(32))};
    }
    DenseElementsAttr constant;
    if (matchPattern(value, m_Constant(&constant))) {
      Value same = splat(constant.getSplatValue<APInt>().getSExtValue());
      return {same, same};
    }
    if (isa<vector::BroadcastOp>(op)) {
      Value same = vector::BroadcastOp::create(b, loc, half, op->getOperand(0));
      return {same, same};
    }
    SmallVector<Value> even, odd;
    for (Value operand : op->getOperands()) {
      Halves halves = split(operand);
      even.push_back(halves.even);
      odd.push_back(halves.odd);
    }
    auto clone = [&](ValueRange operands) {
      OperationState state(op->getLoc(), op->getName(), operands, half,
                           op->getAttrs());
      state.propertiesAttr = op->getPropertiesAsAttribute();
      return b.create(state)->getResult(0);
    };
    return {clone(even), clone(odd)};
  }

  OpBuilder &b;
  Location loc;
  VectorType half;
  DenseMap<Value, Halves> known;
};

struct TruncateHalves : OpRewritePattern<arith::TruncIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncIOp op,
                                PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || !isVectorOf(type, 32) ||
        !isVectorOf(op.getIn().getType(), 64) || !canSplit(op.getIn()))
      return rewriter.notifyMatchFailure(op, "not lanewise from 32 bits on");
    Splitter splitter(rewriter, op.getLoc(), type);
    rewriter.replaceOp(op, splitter.join(splitter.split(op.getIn()), type));
    return success();
  }
};

} // namespace

void populateWideLanePatterns(RewritePatternSet &patterns) {
  patterns.add<TruncateHalves>(patterns.getContext());
}

} // namespace mlir::pock
