//===- GroupProducts.cpp - Sums of products, a group of terms at a time ---===//
//
// Processors have instructions that add the products of several pairs of narrow
// numbers at once (Isa/GroupProduct.h). In both operands of such an
// instruction, neighbours along the reduction are adjacent. If these are also
// adjacent in memory, the operand is viewed as groups (`pock.group_view`).
// Otherwise a copy interleaves rows, and rounds f32 elements.
//
// Needs bufferized kernels. Guarantees sums of the same terms: integer results
// are the same, and f32 sums have the same order, up to the rounding of the
// instruction. Operands in f32 are only rounded if the module's precision
// allows that.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestBody.h"
#include "../Shared/NestFusion.h"
#include "../Shared/Slices.h"
#include "Isa/GroupProduct.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::pock {
#define GEN_PASS_DEF_GROUPPRODUCTS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The minimum number of uses of an entry for which a copy pays.
constexpr int64_t kFewestUses = 16;
/// The minimum number of groups of a block, over which it amortises reading and
/// writing the result.
constexpr int64_t kFewestGroups = 32;

/// A sum of products of two inputs, which may be widened before.
struct SumOfProducts {
  /// The types before widening: floats, or integers whose signedness is that of
  /// the widening.
  Type lhs, rhs;
};

/// The operand before widening to `value`, and its type, as in SumOfProducts.
std::pair<Value, Type> narrow(Value value) {
  auto integer = [](Value in, IntegerType::SignednessSemantics sign) {
    return IntegerType::get(in.getContext(),
                            in.getType().getIntOrFloatBitWidth(), sign);
  };
  if (auto extend = value.getDefiningOp<arith::ExtFOp>())
    return {extend.getIn(), extend.getIn().getType()};
  if (auto extend = value.getDefiningOp<arith::ExtSIOp>())
    return {extend.getIn(), integer(extend.getIn(), IntegerType::Signed)};
  if (auto extend = value.getDefiningOp<arith::ExtUIOp>())
    return {extend.getIn(), integer(extend.getIn(), IntegerType::Unsigned)};
  return {value, value.getType()};
}

/// The product that `add` adds to a sum of integers, if it has no other use.
arith::MulIOp matchIntegerMulAdd(arith::AddIOp add, Value &addend) {
  for (unsigned i : {0u, 1u}) {
    auto product = add.getOperand(i).getDefiningOp<arith::MulIOp>();
    addend = add.getOperand(1 - i);
    if (product && product->hasOneUse())
      return product;
  }
  return nullptr;
}

/// `op` as a sum of products of its two inputs in f32 or i32; nothing if it has
/// another form.
std::optional<SumOfProducts> matchSum(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() == 0 || !op.hasPureBufferSemantics())
    return std::nullopt;
  Block &body = *op.getBody();
  Value sum = body.getTerminator()->getOperand(0);
  Value addend;
  Operation *product = nullptr;
  if (auto add = sum.getDefiningOp<arith::AddFOp>();
      add && sum.getType().isF32())
    product = matchMulAdd(add, addend);
  else if (auto add = sum.getDefiningOp<arith::AddIOp>();
           add && sum.getType().isInteger(32))
    product = matchIntegerMulAdd(add, addend);
  if (!product || addend != body.getArgument(2))
    return std::nullopt;
  auto [lhs, lhsType] = narrow(product->getOperand(0));
  auto [rhs, rhsType] = narrow(product->getOperand(1));
  if (lhs == body.getArgument(0) && rhs == body.getArgument(1))
    return SumOfProducts{lhsType, rhsType};
  if (lhs == body.getArgument(1) && rhs == body.getArgument(0))
    return SumOfProducts{rhsType, lhsType};
  return std::nullopt;
}

/// An instruction for a sum, possibly with exchanged operands.
struct Choice {
  const GroupProduct *row = nullptr;
  bool swapped = false;
  /// The types of the elements in groups of the sum's operands.
  Type lhs, rhs;
};

/// The first of `rows` that computes `sum`. For a row that rounds, one of the
/// operands may be f32.
std::optional<Choice> choose(const SumOfProducts &sum,
                             ArrayRef<const GroupProduct *> rows) {
  MLIRContext *context = sum.lhs.getContext();
  for (const GroupProduct *row : rows)
    for (bool swapped : {false, true}) {
      Type lhs = row->getLhsType(context), rhs = row->getRhsType(context);
      if (swapped)
        std::swap(lhs, rhs);
      auto takes = [&](Type element, Type given) {
        return element == given || (row->rounds && given.isF32());
      };
      if (takes(lhs, sum.lhs) && takes(rhs, sum.rhs) &&
          (lhs == sum.lhs || rhs == sum.rhs))
        return Choice{row, swapped, lhs, rhs};
    }
  return std::nullopt;
}

/// An operand of a sum of products, in groups along dimension `dim`.
struct GroupedOperand {
  Value buffer;
  unsigned dim;
  /// Whether its groups are contiguous in memory. Otherwise a copy interleaves
  /// rows.
  bool isView;
  /// The type of the elements of a group, and their number.
  Type element;
  int64_t group;

  MemRefType getType() const { return cast<MemRefType>(buffer.getType()); }
  int64_t getWidth() const { return element.getIntOrFloatBitWidth(); }
};

/// `operand` in groups of `element` along `loop`; nothing if that would not
/// pay.
std::optional<GroupedOperand> groupOperand(linalg::GenericOp op,
                                           OpOperand &operand, unsigned loop,
                                           Type element, int64_t group) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  std::optional<int> dim = positionOf(map, loop);
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type || !dim || *dim < 0 ||
      failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return std::nullopt;
  GroupedOperand result{operand.get(), unsigned(*dim),
                        *dim + 1 == type.getRank(), element, group};
  if (result.isView) {
    bool rounded = type.getElementTypeBitWidth() != result.getWidth();
    if (rounded || !GroupViewOp::getGroupType(type))
      return std::nullopt;
    return result;
  }
  if (usesOf(op, operand) < kFewestUses)
    return std::nullopt;
  return result;
}

/// A buffer for the groups of `size` entries of `operand`, before all loops.
Value buildCopy(OpBuilder &b, Location loc, const GroupedOperand &operand,
                int64_t size) {
  OpBuilder::InsertionGuard guard(b);
  Operation *outermost = b.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(outermost)) {
    while (!isa<func::FuncOp>(outermost->getParentOp()))
      outermost = outermost->getParentOp();
    b.setInsertionPoint(outermost);
  }
  SmallVector<int64_t> shape(operand.getType().getShape());
  shape[operand.dim] = size / operand.group;
  return memref::AllocOp::create(b, loc,
                                 MemRefType::get(shape, b.getI32Type()));
}

/// Interleaves the rows of `operand` in `copy`.
void fillCopy(OpBuilder &b, Location loc, const GroupedOperand &operand,
              Value copy) {
  unsigned rank = operand.getType().getRank();
  // The map by which the element of each row of a group is read.
  SmallVector<AffineMap> maps;
  for (int64_t row = 0; row < operand.group; ++row) {
    SmallVector<AffineExpr> exprs;
    for (unsigned d = 0; d < rank; ++d) {
      AffineExpr expr = b.getAffineDimExpr(d);
      exprs.push_back(d == operand.dim ? expr * operand.group + row : expr);
    }
    maps.push_back(AffineMap::get(rank, 0, exprs, b.getContext()));
  }
  maps.push_back(b.getMultiDimIdentityMap(rank));
  linalg::GenericOp::create(
      b, loc, SmallVector<Value>(operand.group, operand.buffer), copy, maps,
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        auto bits = [&](Value value) -> Value {
          if (isa<FloatType>(operand.element)) {
            if (value.getType() != operand.element)
              value = arith::TruncFOp::create(b, loc, operand.element, value);
            Type integer = b.getIntegerType(operand.getWidth());
            value = arith::BitcastOp::create(b, loc, integer, value);
          }
          return arith::ExtUIOp::create(b, loc, b.getI32Type(), value);
        };
        Value word;
        for (int64_t row = operand.group - 1; row > 0; --row) {
          Value narrow = bits(args[row]);
          Value places = arith::ConstantIntOp::create(b, loc, b.getI32Type(),
                                                      row * operand.getWidth());
          Value shifted = arith::ShLIOp::create(b, loc, narrow, places);
          word = word ? arith::OrIOp::create(b, loc, shifted, word) : shifted;
        }
        word = arith::OrIOp::create(b, loc, bits(args[0]), word);
        linalg::YieldOp::create(b, loc, word);
      });
}

/// `op` on groups of its operands.
linalg::GenericOp buildSum(OpBuilder &b, linalg::GenericOp op,
                           ValueRange groups, const Choice &choice) {
  return linalg::GenericOp::create(
      b, op.getLoc(), groups, op.getDpsInits(), op.getIndexingMapsArray(),
      op.getIteratorTypesArray(),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        Value lhs = args[0], rhs = args[1];
        Type lhsType = choice.lhs, rhsType = choice.rhs;
        if (choice.swapped) {
          std::swap(lhs, rhs);
          std::swap(lhsType, rhsType);
        }
        Value sum = DotOp::create(b, loc, args[2].getType(), args[2], lhs, rhs,
                                  lhsType, rhsType);
        linalg::YieldOp::create(b, loc, sum);
      });
}

/// The size of blocks along the loop of `extent` whose copies fit into `cache`.
/// There is only one block if an operand is a view, or if the result does not
/// fit into the cache, because each block would read and write it in memory.
/// In the latter case, `pock-localize-scratch` shrinks the copies.
int64_t chooseBlock(linalg::GenericOp op, int64_t extent,
                    ArrayRef<GroupedOperand> operands, int64_t cache) {
  if (bytesOf(op.getDpsInits()[0].getType()) > cache)
    return extent;
  int64_t bytes = 0, terms = 1, group = operands[0].group;
  for (const GroupedOperand &operand : operands) {
    if (operand.isView)
      return extent;
    bytes +=
        operand.getType().getNumElements() * operand.getWidth() / 8 / extent;
  }
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    if (kind == utils::IteratorType::reduction)
      terms *= op.getStaticLoopRanges()[loop];
  terms /= extent;
  int64_t size =
      group * std::max<int64_t>(cache / bytes / group,
                                llvm::divideCeil(kFewestGroups, terms));
  return size * 2 > extent ? extent : size;
}

/// Emits `op` on groups of its operands, in blocks of `size` entries along the
/// loop of `extent`.
void buildBlocks(OpBuilder &b, linalg::GenericOp op, int64_t extent,
                 int64_t size, ArrayRef<GroupedOperand> operands,
                 const Choice &choice) {
  Location loc = op.getLoc();
  // Views, or copies that are not filled yet.
  SmallVector<Value> groups;
  for (const GroupedOperand &operand : operands)
    groups.push_back(operand.isView
                         ? Value(GroupViewOp::create(b, loc, operand.buffer))
                         : buildCopy(b, loc, operand, size));
  if (size == extent) {
    for (auto [operand, copy] : llvm::zip_equal(operands, groups))
      if (!operand.isView)
        fillCopy(b, loc, operand, copy);
    return sinkFill(buildSum(b, op, groups, choice));
  }
  emitBlocks(b, loc, extent, size, [&](OpFoldResult first, int64_t count) {
    SmallVector<Value> parts;
    for (auto [operand, copy] : llvm::zip_equal(operands, groups)) {
      GroupedOperand slice = operand;
      slice.buffer = sliceOf(b, operand.buffer, operand.dim, first, count);
      parts.push_back(count == size
                          ? copy
                          : sliceOf(b, copy, operand.dim, b.getIndexAttr(0),
                                    count / operand.group));
      fillCopy(b, loc, slice, parts.back());
    }
    buildSum(b, op, parts, choice);
  });
}

/// Rewrites `op` if one of `rows` computes it, and if it has a loop along which
/// both operands can be grouped.
void groupProducts(linalg::GenericOp op, ArrayRef<const GroupProduct *> rows,
                   int64_t cache) {
  std::optional<SumOfProducts> sum = matchSum(op);
  std::optional<Choice> choice = sum ? choose(*sum, rows) : std::nullopt;
  if (!choice)
    return;
  int64_t group = choice->row->getGroup();
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  for (unsigned loop : llvm::reverse(loops)) {
    int64_t extent = op.getStaticLoopRanges()[loop];
    if (ShapedType::isDynamic(extent) || extent % group != 0)
      continue;
    SmallVector<GroupedOperand> operands;
    for (unsigned i : {0u, 1u})
      if (auto operand = groupOperand(op, *op.getDpsInputOperand(i), loop,
                                      i ? choice->rhs : choice->lhs, group))
        operands.push_back(*operand);
    // (Vectors run along the rows of a copy.)
    int64_t views = llvm::count_if(
        operands, [](const GroupedOperand &o) { return o.isView; });
    if (operands.size() != 2 || views == 2)
      continue;
    OpBuilder b(op);
    buildBlocks(b, op, extent, chooseBlock(op, extent, operands, cache),
                operands, *choice);
    op.erase();
    return;
  }
}

struct GroupProducts : impl::GroupProductsBase<GroupProducts> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    TargetDescription target = TargetDescription::of(module);
    SmallVector<const GroupProduct *> rows = listGroupProducts(target);
    llvm::erase_if(
        rows, [&](const GroupProduct *row) { return !mayUse(*row, module); });
    if (rows.empty())
      return;
    for (func::FuncOp func : kernelsOf(module)) {
      generalizeAll(func);
      SmallVector<linalg::GenericOp> ops;
      func.walk([&](linalg::GenericOp op) { ops.push_back(op); });
      for (linalg::GenericOp op : ops)
        groupProducts(op, rows, target.l2Bytes / 2);
    }
  }
};

} // namespace
} // namespace mlir::pock
