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

#include "Nest.h"
#include "NestFusion.h"
#include "Pock/Codegen/Passes.h"
#include "Pock/Codegen/TargetDescription.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"
#include "Slices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#define DEBUG_TYPE "pock-pair-products"

namespace mlir::pock {
#define GEN_PASS_DEF_PAIRPRODUCTS
#include "Pock/Codegen/Passes.h.inc"
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
  for (bool first : {false, true}) {
    auto product = add.getOperand(first ? 0 : 1).getDefiningOp<arith::MulFOp>();
    if (!product || add.getOperand(first ? 1 : 0) != body.getArgument(2))
      continue;
    Value lhs = widened(product.getLhs()), rhs = widened(product.getRhs());
    return (lhs == body.getArgument(0) && rhs == body.getArgument(1)) ||
           (lhs == body.getArgument(1) && rhs == body.getArgument(0));
  }
  return false;
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
  PairedOperand result{operand.get(), unsigned(*dim), false};
  if (*dim + 1 == type.getRank()) {
    result.isView =
        type.getElementType().isBF16() && PairViewOp::getPairType(type);
    if (!result.isView)
      return std::nullopt;
    return result;
  }
  int64_t uses = 1;
  for (auto [l, extent] : llvm::enumerate(op.getStaticLoopRanges()))
    uses *= map.isFunctionOfDim(l) ? 1 : extent;
  return uses >= kFewestUses ? std::optional(result) : std::nullopt;
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
/// holds the copies. Blocks would carry a result that no cache holds to memory
/// and back: there is one, whose copies `pock-localize-scratch` shrinks.
int64_t chooseBlock(linalg::GenericOp op, int64_t extent,
                    ArrayRef<PairedOperand> operands, int64_t cache) {
  if (bytesOf(op.getDpsInits()[0].getType()) > cache)
    return extent;
  int64_t bytes = 0, terms = 1;
  for (const PairedOperand &operand : operands)
    bytes += operand.getType().getNumElements() * 2 / extent;
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    if (kind == utils::IteratorType::reduction)
      terms *= op.getStaticLoopRanges()[loop];
  terms /= extent;
  int64_t size = 2 * std::max<int64_t>(cache / bytes / 2,
                                       llvm::divideCeil(kFewestPairs, terms));
  return size * 2 > extent ? extent : size;
}

/// `op` on pairs, where both operands are copied, block by block.
void buildBlocks(OpBuilder &b, linalg::GenericOp op, int64_t extent,
                 ArrayRef<PairedOperand> operands, int64_t cache) {
  Location loc = op.getLoc();
  int64_t size = chooseBlock(op, extent, operands, cache);
  SmallVector<Value> copies;
  for (const PairedOperand &operand : operands)
    copies.push_back(buildCopy(b, loc, operand, size));
  auto emitBlock = [&](OpFoldResult first, int64_t count) {
    SmallVector<Value> pairs;
    for (auto [operand, copy] : llvm::zip_equal(operands, copies)) {
      PairedOperand slice = operand;
      if (count != extent)
        slice.buffer = sliceOf(b, operand.buffer, operand.dim, first, count);
      pairs.push_back(count == size ? copy
                                    : sliceOf(b, copy, operand.dim,
                                              b.getIndexAttr(0), count / 2));
      fillCopy(b, loc, slice, pairs.back());
    }
    buildSum(b, op, pairs);
  };
  if (size == extent) {
    emitBlock(b.getIndexAttr(0), extent);
    return sinkFill(cast<linalg::GenericOp>(*std::prev(b.getInsertionPoint())));
  }

  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  int64_t main = extent / size * size;
  auto blocks =
      scf::ForOp::create(b, loc, constant(0), constant(main), constant(size));
  if (main < extent)
    emitBlock(b.getIndexAttr(main), extent - main);
  b.setInsertionPoint(blocks.getBody()->getTerminator());
  emitBlock(blocks.getInductionVar(), size);
}

/// `op` on pairs, of which one operand has some already.
void buildWithView(OpBuilder &b, linalg::GenericOp op, int64_t extent,
                   ArrayRef<PairedOperand> operands) {
  SmallVector<Value> pairs;
  for (const PairedOperand &operand : operands) {
    if (operand.isView) {
      pairs.push_back(PairViewOp::create(b, op.getLoc(), operand.buffer));
      continue;
    }
    pairs.push_back(buildCopy(b, op.getLoc(), operand, extent));
    fillCopy(b, op.getLoc(), operand, pairs.back());
  }
  sinkFill(buildSum(b, op, pairs));
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
    if (views == 0)
      buildBlocks(b, op, extent, operands, cache);
    else
      buildWithView(b, op, extent, operands);
    op.erase();
    return;
  }
}

struct PairProducts : impl::PairProductsBase<PairProducts> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<TargetDescription> target =
        TargetDescription::get(getOperation());
    if (failed(target))
      return signalPassFailure();
    if (!target->multipliesPairs(getOperation()))
      return;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      SmallVector<linalg::GenericOp> ops;
      func.walk([&](linalg::GenericOp op) { ops.push_back(op); });
      for (linalg::GenericOp op : ops)
        pairProducts(op, target->l2Bytes / 2);
    }
  }
};

} // namespace
} // namespace mlir::pock
