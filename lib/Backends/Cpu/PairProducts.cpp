//===- PairProducts.cpp - Sums of products of bf16, two terms at a time ---===//
//
// Processors with bf16 arithmetic add the products of two pairs at once. Both
// operands of such an instruction hold neighbours of the reduction side by
// side. Where these are neighbours in memory, too, an operand is seen as pairs
// (`pock.pair_view`); else a copy interleaves two rows, rounding what is f32.
//
// Needs bufferized kernels. Guarantees f32 sums of the same terms in the same
// order, up to how the instruction rounds; f32 operands are rounded to bf16,
// hence only where the module's precision allows that.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestBody.h"
#include "../Shared/NestFusion.h"
#include "../Shared/Slices.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#define DEBUG_TYPE "pock-pair-products"

namespace mlir::pock {
#define GEN_PASS_DEF_PAIRPRODUCTS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// How often at least an entry of a copy is used, or it does not pay.
constexpr int64_t kFewestUses = 16;
/// A block amortises reading and writing its result over so many pairs.
constexpr int64_t kFewestPairs = 32;

/// Whether `op` adds products of its two inputs, perhaps widened, to f32 sums.
bool isSumOfProducts(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() == 0 || !op.hasPureBufferSemantics())
    return false;
  Block &body = *op.getBody();
  Value sum = body.getTerminator()->getOperand(0);
  auto add = sum.getDefiningOp<arith::AddFOp>();
  if (!add || !sum.getType().isF32())
    return false;
  auto widened = [](Value value) {
    auto extend = value.getDefiningOp<arith::ExtFOp>();
    return extend ? extend.getIn() : value;
  };
  Value addend;
  arith::MulFOp product = matchMulAdd(add, addend);
  if (!product || addend != body.getArgument(2))
    return false;
  Value lhs = widened(product.getLhs()), rhs = widened(product.getRhs());
  return (lhs == body.getArgument(0) && rhs == body.getArgument(1)) ||
         (lhs == body.getArgument(1) && rhs == body.getArgument(0));
}

/// An operand of a sum of products, in pairs along dimension `dim`.
struct PairedOperand {
  Value buffer;
  unsigned dim;
  /// Its pairs are there already; else rows are interleaved in a copy.
  bool isView;

  MemRefType getType() const { return cast<MemRefType>(buffer.getType()); }
};

/// `operand` in pairs along `loop`; nothing if that would not pay.
std::optional<PairedOperand> pairOperand(linalg::GenericOp op,
                                         OpOperand &operand, unsigned loop) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  std::optional<int> dim = positionOf(map, loop);
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type ||
      !(type.getElementType().isBF16() || type.getElementType().isF32()) ||
      !dim || *dim < 0 || failed(type.getStridesAndOffset(strides, offset)) ||
      strides.back() != 1)
    return std::nullopt;
  PairedOperand result{operand.get(), unsigned(*dim),
                       *dim + 1 == type.getRank()};
  if (result.isView) {
    if (!type.getElementType().isBF16() || !PairViewOp::getPairType(type))
      return std::nullopt;
    return result;
  }
  if (usesOf(op, operand) < kFewestUses)
    return std::nullopt;
  return result;
}

/// A buffer for the pairs of `size` entries of `operand`, in front of all
/// loops.
Value buildCopy(OpBuilder &b, Location loc, const PairedOperand &operand,
                int64_t size) {
  OpBuilder::InsertionGuard guard(b);
  Operation *outermost = b.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(outermost)) {
    while (!isa<func::FuncOp>(outermost->getParentOp()))
      outermost = outermost->getParentOp();
    b.setInsertionPoint(outermost);
  }
  SmallVector<int64_t> shape(operand.getType().getShape());
  shape[operand.dim] = size / 2;
  return memref::AllocOp::create(b, loc,
                                 MemRefType::get(shape, b.getI32Type()));
}

/// Interleaves the rows of `operand` in `copy`.
void fillCopy(OpBuilder &b, Location loc, const PairedOperand &operand,
              Value copy) {
  unsigned rank = operand.getType().getRank();
  auto halfMap = [&](int64_t half) {
    SmallVector<AffineExpr> exprs;
    for (unsigned d = 0; d < rank; ++d) {
      AffineExpr expr = b.getAffineDimExpr(d);
      exprs.push_back(d == operand.dim ? expr * 2 + half : expr);
    }
    return AffineMap::get(rank, 0, exprs, b.getContext());
  };
  linalg::GenericOp::create(
      b, loc, ValueRange{operand.buffer, operand.buffer}, copy,
      {halfMap(0), halfMap(1), b.getMultiDimIdentityMap(rank)},
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        auto bits = [&](Value value) -> Value {
          if (value.getType().isF32())
            value = arith::TruncFOp::create(b, loc, b.getBF16Type(), value);
          value = arith::BitcastOp::create(b, loc, b.getI16Type(), value);
          return arith::ExtUIOp::create(b, loc, b.getI32Type(), value);
        };
        Value high = arith::ShLIOp::create(
            b, loc, bits(args[1]),
            arith::ConstantIntOp::create(b, loc, b.getI32Type(), 16));
        Value pair = arith::OrIOp::create(b, loc, bits(args[0]), high);
        linalg::YieldOp::create(b, loc, pair);
      });
}

/// `op` on pairs of its operands.
linalg::GenericOp buildSum(OpBuilder &b, linalg::GenericOp op,
                           ValueRange pairs) {
  return linalg::GenericOp::create(
      b, op.getLoc(), pairs, op.getDpsInits(), op.getIndexingMapsArray(),
      op.getIteratorTypesArray(),
      [](OpBuilder &b, Location loc, ValueRange args) {
        linalg::YieldOp::create(
            b, loc,
            DotPairsOp::create(b, loc, args[2], args[0], args[1]).getResult());
      });
}

/// How many entries along the loop of `extent` a block has of which `cache`
/// holds the copies. One block has all where an operand is a view, or where no
/// cache holds the result, which blocks would carry to memory and back;
/// `pock-localize-scratch` shrinks its copies.
int64_t chooseBlock(linalg::GenericOp op, int64_t extent,
                    ArrayRef<PairedOperand> operands, int64_t cache) {
  if (bytesOf(op.getDpsInits()[0].getType()) > cache)
    return extent;
  int64_t bytes = 0, terms = 1;
  for (const PairedOperand &operand : operands) {
    if (operand.isView)
      return extent;
    bytes += operand.getType().getNumElements() * 2 / extent;
  }
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    if (kind == utils::IteratorType::reduction)
      terms *= op.getStaticLoopRanges()[loop];
  terms /= extent;
  int64_t size = 2 * std::max<int64_t>(cache / bytes / 2,
                                       llvm::divideCeil(kFewestPairs, terms));
  return size * 2 > extent ? extent : size;
}

/// `op` on pairs of its operands, `size` entries along the loop of `extent` at
/// a time.
void buildBlocks(OpBuilder &b, linalg::GenericOp op, int64_t extent,
                 int64_t size, ArrayRef<PairedOperand> operands) {
  Location loc = op.getLoc();
  // Views, or copies that are still to be filled.
  SmallVector<Value> pairs;
  for (const PairedOperand &operand : operands)
    pairs.push_back(operand.isView
                        ? Value(PairViewOp::create(b, loc, operand.buffer))
                        : buildCopy(b, loc, operand, size));
  if (size == extent) {
    for (auto [operand, copy] : llvm::zip_equal(operands, pairs))
      if (!operand.isView)
        fillCopy(b, loc, operand, copy);
    return sinkFill(buildSum(b, op, pairs));
  }
  emitBlocks(b, loc, extent, size, [&](OpFoldResult first, int64_t count) {
    SmallVector<Value> parts;
    for (auto [operand, copy] : llvm::zip_equal(operands, pairs)) {
      PairedOperand slice = operand;
      slice.buffer = sliceOf(b, operand.buffer, operand.dim, first, count);
      parts.push_back(count == size ? copy
                                    : sliceOf(b, copy, operand.dim,
                                              b.getIndexAttr(0), count / 2));
      fillCopy(b, loc, slice, parts.back());
    }
    buildSum(b, op, parts);
  });
}

/// Rewrites `op` if it has a loop along which both operands make pairs.
void pairProducts(linalg::GenericOp op, int64_t cache) {
  if (!isSumOfProducts(op) || llvm::none_of(op.getDpsInputs(), [](Value input) {
        return getElementTypeOrSelf(input).isBF16();
      }))
    return;
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  for (unsigned loop : llvm::reverse(loops)) {
    int64_t extent = op.getStaticLoopRanges()[loop];
    if (ShapedType::isDynamic(extent) || extent % 2 != 0)
      continue;
    SmallVector<PairedOperand> operands;
    for (OpOperand *input : op.getDpsInputOperands())
      if (auto operand = pairOperand(op, *input, loop))
        operands.push_back(*operand);
    // (Vectors run along the rows of a copy.)
    int64_t views = llvm::count_if(
        operands, [](const PairedOperand &o) { return o.isView; });
    if (operands.size() != 2 || views == 2)
      continue;
    OpBuilder b(op);
    buildBlocks(b, op, extent, chooseBlock(op, extent, operands, cache),
                operands);
    op.erase();
    return;
  }
}

struct PairProducts : impl::PairProductsBase<PairProducts> {
  using Base::Base;

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    if (!target.multipliesPairs(getOperation()))
      return;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      SmallVector<linalg::GenericOp> ops;
      func.walk([&](linalg::GenericOp op) { ops.push_back(op); });
      for (linalg::GenericOp op : ops)
        pairProducts(op, target.l2Bytes / 2);
    }
  }
};

} // namespace
} // namespace mlir::pock
