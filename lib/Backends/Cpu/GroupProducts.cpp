//===- GroupProducts.cpp - Sums of products, a group of terms at a time ---===//
//
// Processors have instructions that add the products of several pairs of narrow
// numbers at once (Isa/GroupProduct.h). In both operands of such an
// instruction, neighbours along the reduction are adjacent. If these are also
// adjacent in memory, the operand is viewed as groups (`pock.group_view`).
// Otherwise a copy interleaves rows. Vectors run along the rows of such a copy,
// so there is one even if neighbours are adjacent in both operands.
//
// The elements of groups may differ from those in memory: f32 is rounded, bytes
// are widened, without their zero point, and signed bytes with a zero point of
// -128 are unsigned ones with their highest bit flipped.
//
// Needs bufferized kernels. Guarantees sums of the same terms: integer results
// are the same, and f32 sums have the same order, up to the rounding of the
// instruction. Operands in f32 are only rounded if the module's precision
// allows that.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestFusion.h"
#include "../Shared/Slices.h"
#include "Isa/GroupProduct.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"
#include "SumOfProducts.h"
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

/// The minimum number of groups of a block, over which it amortises reading and
/// writing the result.
constexpr int64_t kFewestGroups = 32;

/// How the elements of a group follow from those in memory.
enum class Form { Same, Rounded, Widened, Flipped };

/// The elements in the groups of an operand.
struct Elements {
  Type type;
  Form form;
  /// The factor that they are made of.
  Factor from;

  int64_t getWidth() const { return type.getIntOrFloatBitWidth(); }
};

/// `factor` as elements of `type`; nothing if they cannot be made. Bytes are
/// only widened if `widens`.
std::optional<Elements> findElements(const Factor &factor, Type type,
                                     bool rounds, bool widens) {
  if (factor.type == type && factor.zero == 0)
    return Elements{type, Form::Same, factor};
  if (rounds && factor.type.isF32())
    return Elements{type, Form::Rounded, factor};
  auto from = dyn_cast<IntegerType>(factor.type);
  auto to = dyn_cast<IntegerType>(type);
  if (!from || !to || from.getWidth() != 8)
    return std::nullopt;
  if (to.isSigned() && to.getWidth() == 16 && widens &&
      llvm::isInt<8>(factor.zero))
    return Elements{type, Form::Widened, factor};
  if (to.isUnsigned() && to.getWidth() == 8 && from.isSigned() &&
      factor.zero == INT8_MIN)
    return Elements{type, Form::Flipped, factor};
  return std::nullopt;
}

/// How an instruction computes a sum, possibly with exchanged operands.
struct Choice {
  bool swapped;
  /// The elements of the sum's operands.
  Elements lhs, rhs;
};

/// How `row` computes `sum`. For a row that rounds, one of the operands may be
/// f32.
std::optional<Choice> choose(const SumOfProducts &sum, const GroupProduct &row,
                             bool widens) {
  MLIRContext *context = sum.lhs.type.getContext();
  for (bool swapped : {false, true}) {
    Type lhsType = row.getLhsType(context), rhsType = row.getRhsType(context);
    if (swapped)
      std::swap(lhsType, rhsType);
    auto lhs = findElements(sum.lhs, lhsType, row.rounds, widens);
    auto rhs = findElements(sum.rhs, rhsType, row.rounds, widens);
    if (lhs && rhs &&
        !(lhs->form == Form::Rounded && rhs->form == Form::Rounded))
      return Choice{swapped, *lhs, *rhs};
  }
  return std::nullopt;
}

/// An operand of a sum of products, in groups along dimension `dim`.
struct GroupedOperand {
  Value buffer;
  unsigned dim;
  Elements elements;
  /// The number of elements of a group.
  int64_t group;
  /// Whether its groups are contiguous in memory. Otherwise a copy interleaves
  /// rows.
  bool isContiguous;
  /// The dimension that a copy exchanges with `dim`.
  unsigned exchanged;

  MemRefType getType() const { return cast<MemRefType>(buffer.getType()); }
  bool isView() const { return isContiguous && elements.form != Form::Widened; }
  /// The position in the copy of dimension `d`, and vice versa.
  unsigned place(unsigned d) const {
    return d == dim ? exchanged : d == exchanged ? dim : d;
  }
};

/// `operand` in groups along `loop`; nothing if that would not pay. With
/// `along`, the groups are in a copy whose rows run along that loop.
std::optional<GroupedOperand>
groupOperand(linalg::GenericOp op, OpOperand &operand, unsigned loop,
             const Elements &elements, int64_t group,
             std::optional<unsigned> along = std::nullopt) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  std::optional<int> dim = positionOf(map, loop);
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type || !dim || *dim < 0 ||
      failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return std::nullopt;
  unsigned place = *dim;
  GroupedOperand result{
      operand.get(), place, elements, group, place + 1 == type.getRank(),
      place};
  if (along) {
    std::optional<int> other = positionOf(map, *along);
    if (!other || *other < 0)
      return std::nullopt;
    result.exchanged = *other;
    result.isContiguous = false;
  }
  if (result.isContiguous && elements.form == Form::Rounded)
    return std::nullopt;
  if (result.isView())
    return GroupViewOp::getGroupType(type) ? std::optional(result)
                                           : std::nullopt;
  if (usesOf(op, operand) < kFewestUses)
    return std::nullopt;
  return result;
}

/// Both operands of `op` in groups along `loop`, of which at least one is a
/// copy with interleaved rows; empty if that is not possible.
SmallVector<GroupedOperand> groupOperands(linalg::GenericOp op, unsigned loop,
                                          const Choice &choice, int64_t group) {
  auto grouped = [&](unsigned i, std::optional<unsigned> along = std::nullopt) {
    return groupOperand(op, *op.getDpsInputOperand(i), loop,
                        i ? choice.rhs : choice.lhs, group, along);
  };
  auto lhs = grouped(0), rhs = grouped(1);
  if (!lhs || !rhs)
    return {};
  if (lhs->isContiguous && rhs->isContiguous) {
    // Vectors run along the last dimension of the result.
    AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    if (out.getNumResults() == 0)
      return {};
    auto last = dyn_cast<AffineDimExpr>(out.getResults().back());
    if (!last)
      return {};
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInputOperand(1));
    unsigned i = map.isFunctionOfDim(last.getPosition()) ? 1 : 0;
    auto &copied = i ? rhs : lhs;
    copied = grouped(i, last.getPosition());
    if (!copied)
      return {};
  }
  return {*lhs, *rhs};
}

/// A buffer for the groups of `size` entries of `operand`, before all loops: of
/// words, or of wide elements where they are contiguous.
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
  Type element = b.getIntegerType(operand.elements.getWidth());
  if (!operand.isContiguous) {
    shape[operand.dim] = size / operand.group;
    std::swap(shape[operand.dim], shape[operand.exchanged]);
    element = b.getI32Type();
  }
  return memref::AllocOp::create(b, loc, MemRefType::get(shape, element));
}

/// The bits of an element in memory as one of a group.
Value buildElement(OpBuilder &b, Location loc, const Elements &elements,
                   Value value) {
  Type bits = b.getIntegerType(elements.getWidth());
  auto constant = [&](int64_t number) -> Value {
    return arith::ConstantIntOp::create(b, loc, bits, number);
  };
  switch (elements.form) {
  case Form::Rounded:
    value = arith::TruncFOp::create(b, loc, elements.type, value);
    break;
  case Form::Widened:
    value = elements.from.isSignedByte()
                ? Value(arith::ExtSIOp::create(b, loc, bits, value))
                : Value(arith::ExtUIOp::create(b, loc, bits, value));
    if (int64_t zero = elements.from.zero)
      value = arith::SubIOp::create(b, loc, value, constant(zero));
    return value;
  case Form::Flipped:
    return arith::XOrIOp::create(b, loc, value, constant(INT8_MIN));
  case Form::Same:
    break;
  }
  if (isa<FloatType>(elements.type))
    value = arith::BitcastOp::create(b, loc, bits, value);
  return value;
}

/// Fills `copy` with the wide elements of `operand`, or with its interleaved
/// rows.
void fillCopy(OpBuilder &b, Location loc, const GroupedOperand &operand,
              Value copy) {
  if (operand.isContiguous)
    return buildElementwise(b, loc, operand.buffer, copy,
                            [&](OpBuilder &b, Location loc, ValueRange args) {
                              return buildElement(b, loc, operand.elements,
                                                  args[0]);
                            });
  unsigned rank = operand.getType().getRank();
  // The map by which the element of each row of a group is read.
  SmallVector<AffineMap> maps;
  for (int64_t row = 0; row < operand.group; ++row) {
    SmallVector<AffineExpr> exprs;
    for (unsigned d = 0; d < rank; ++d) {
      AffineExpr expr = b.getAffineDimExpr(operand.place(d));
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
          return arith::ExtUIOp::create(
              b, loc, b.getI32Type(),
              buildElement(b, loc, operand.elements, value));
        };
        Value word;
        for (int64_t row = operand.group - 1; row > 0; --row) {
          Value narrow = bits(args[row]);
          Value places = arith::ConstantIntOp::create(
              b, loc, b.getI32Type(), row * operand.elements.getWidth());
          Value shifted = arith::ShLIOp::create(b, loc, narrow, places);
          word = word ? arith::OrIOp::create(b, loc, shifted, word) : shifted;
        }
        word = arith::OrIOp::create(b, loc, bits(args[0]), word);
        linalg::YieldOp::create(b, loc, word);
      });
}

/// `op` on words with the groups of its operands.
linalg::GenericOp buildSum(OpBuilder &b, linalg::GenericOp op, ValueRange words,
                           ArrayRef<GroupedOperand> operands,
                           const Choice &choice) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (auto [map, operand] : llvm::zip(maps, operands)) {
    SmallVector<AffineExpr> results(map.getResults());
    std::swap(results[operand.dim], results[operand.exchanged]);
    map = AffineMap::get(map.getNumDims(), 0, results, map.getContext());
  }
  return linalg::GenericOp::create(
      b, op.getLoc(), words, op.getDpsInits(), maps, op.getIteratorTypesArray(),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        auto factor = [&](unsigned i) -> Value {
          // (A copy flips bytes itself.)
          if (!operands[i].isView() ||
              operands[i].elements.form != Form::Flipped)
            return args[i];
          Value bits = arith::ConstantIntOp::create(
              b, loc, b.getI32Type(), static_cast<int32_t>(0x80808080));
          return arith::XOrIOp::create(b, loc, args[i], bits);
        };
        Value lhs = factor(0), rhs = factor(1);
        Type lhsType = choice.lhs.type, rhsType = choice.rhs.type;
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
/// There is only one block if groups are contiguous in an operand, or if the
/// result does not fit into the cache, because each block would read and write
/// it in memory. In the latter case, `pock-localize-scratch` shrinks the
/// copies.
int64_t chooseBlock(linalg::GenericOp op, int64_t extent,
                    ArrayRef<GroupedOperand> operands, int64_t cache) {
  if (bytesOf(op.getDpsInits()[0].getType()) > cache)
    return extent;
  int64_t bytes = 0, terms = 1, group = operands[0].group;
  for (const GroupedOperand &operand : operands) {
    if (operand.isContiguous)
      return extent;
    bytes += operand.getType().getNumElements() * operand.elements.getWidth() /
             8 / extent;
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
  SmallVector<Value> words;
  for (const GroupedOperand &operand : operands)
    words.push_back(operand.isView()
                        ? Value(GroupViewOp::create(b, loc, operand.buffer))
                        : buildCopy(b, loc, operand, size));
  if (size == extent) {
    for (auto [operand, value] : llvm::zip_equal(operands, words)) {
      if (operand.isView())
        continue;
      fillCopy(b, loc, operand, value);
      if (operand.isContiguous)
        value = GroupViewOp::create(b, loc, value);
    }
    return sinkFill(buildSum(b, op, words, operands, choice));
  }
  emitBlocks(b, loc, extent, size, [&](OpFoldResult first, int64_t count) {
    SmallVector<Value> parts;
    for (auto [operand, copy] : llvm::zip_equal(operands, words)) {
      GroupedOperand slice = operand;
      slice.buffer = sliceOf(b, operand.buffer, operand.dim, first, count);
      parts.push_back(count == size
                          ? copy
                          : sliceOf(b, copy, operand.exchanged,
                                    b.getIndexAttr(0), count / operand.group));
      fillCopy(b, loc, slice, parts.back());
    }
    buildSum(b, op, parts, operands, choice);
  });
}

/// Rewrites `op` if `row` computes it, and if it has a loop along which both
/// operands can be grouped.
bool groupProducts(linalg::GenericOp op, const SumOfProducts &sum,
                   const GroupProduct &row, const TargetDescription &target) {
  // Without vectors, loops of their own multiply bytes by bytes.
  bool widens = target.vectorBytes > 0 || sum.lhs.type.isSignedInteger(16) ||
                sum.rhs.type.isSignedInteger(16);
  std::optional<Choice> choice = choose(sum, row, widens);
  if (!choice)
    return false;
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  for (unsigned loop : llvm::reverse(loops)) {
    int64_t extent = op.getStaticLoopRanges()[loop];
    if (ShapedType::isDynamic(extent) || extent % row.getGroup() != 0)
      continue;
    SmallVector<GroupedOperand> operands =
        groupOperands(op, loop, *choice, row.getGroup());
    if (operands.empty())
      continue;
    OpBuilder b(op);
    buildBlocks(b, op, extent,
                chooseBlock(op, extent, operands, target.l2Bytes / 2), operands,
                *choice);
    op.erase();
    return true;
  }
  return false;
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
        if (std::optional<SumOfProducts> sum = matchSum(op))
          for (const GroupProduct *row : rows)
            if (groupProducts(op, *sum, *row, target))
              break;
    }
  }
};

} // namespace
} // namespace mlir::pock
