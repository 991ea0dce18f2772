//===- GroupProducts.cpp - Sums of products, a group of terms at a time ---===//
//
// Processors have instructions that add the products of several pairs of narrow
// numbers at once (Isa/GroupProduct.h). Both operands of such an instruction
// hold neighbours of the reduction side by side. Where these are neighbours in
// memory, too, an operand is seen as groups (`pock.group_view`); else a copy
// interleaves rows, rounding what is f32.
//
// Needs bufferized kernels. Guarantees sums of the same terms: integers are the
// same, f32 sums are in the same order, up to how the instruction rounds.
// Operands in f32 are rounded, hence only where the module's precision allows
// that.
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

/// How often at least an entry of a copy is used, or it does not pay.
constexpr int64_t kFewestUses = 16;
/// A block amortises reading and writing its result over so many groups.
constexpr int64_t kFewestGroups = 32;

/// A sum of products of two inputs, each widened or as it is.
struct SumOfProducts {
  /// What is multiplied: floats, or integers with the sign that they are
  /// widened with.
  Type lhs, rhs;
};

/// What is multiplied as `value` in a sum of the same kind, and the input that
/// it comes from.
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

/// `op` as a sum of products of its two inputs in f32 or i32; nothing if it is
/// anything else.
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

/// An instruction for a sum, perhaps with the operands exchanged.
struct Choice {
  const GroupProduct *row = nullptr;
  bool swapped = false;
  /// What the elements of the sum's operands are in groups.
  Type lhs, rhs;
};

/// The first of `rows` that computes `sum`. A row that rounds takes f32 beside
/// what is as narrow as its elements.
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
  /// Its groups are there already; else rows are interleaved in a copy.
  bool isView;
  /// The type of elements in groups, and how many a group has.
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

/// A buffer for the groups of `size` entries of `operand`, in front of all
/// loops.
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
  // Where the element of each row of a group is read.
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

/// How many entries along the loop of `extent` a block has of which `cache`
/// holds the copies. One block has all where an operand is a view, or where no
/// cache holds the result, which blocks would carry to memory and back;
/// `pock-localize-scratch` shrinks its copies.
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

/// `op` on groups of its operands, `size` entries along the loop of `extent` at
/// a time.
void buildBlocks(OpBuilder &b, linalg::GenericOp op, int64_t extent,
                 int64_t size, ArrayRef<GroupedOperand> operands,
                 const Choice &choice) {
  Location loc = op.getLoc();
  // Views, or copies that are still to be filled.
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

/// Rewrites `op` if one of `rows` computes it, and it has a loop along which
/// both operands make groups.
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
