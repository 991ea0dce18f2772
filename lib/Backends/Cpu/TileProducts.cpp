//===- TileProducts.cpp - Panels for products without vectors -------------===//
//
// A processor without vectors that loads several registers at once computes a
// product in tiles of 4 x 4 sums: for each term, four rows of one factor and
// four columns of the other have to be adjacent. This pass makes them adjacent:
//
//   * Rows that are not are copied in groups of four, [rows / 4][terms][4]. If
//     that copy would be large, the sum runs in blocks of terms.
//   * A factor that a copy makes (an int8 weight that becomes f32) exists for
//     four columns at a time.
//
// Fills before the product and elementwise operations behind it that share its
// loops run on the same four columns, and on the same groups of rows. Long ones
// (the update of an int8 weight) run on the same columns, behind the product.
//
// Needs bufferized kernels whose buffers are not placed yet. Guarantees that
// every element is the sum of the same products in the same order.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "../Shared/NestBody.h"
#include "../Shared/NestFusion.h"
#include "../Shared/Slices.h"
#include "BlockRun.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "ProductEpilogue.h"
#include "Schedule.h"
#include "TargetDescription.h"
#include "ViewDimensions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::pock {
#define GEN_PASS_DEF_TILEPRODUCTS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Rows and columns of a tile.
constexpr int64_t kTile = kGroup;
/// The fewest terms and rows for which copies pay.
constexpr int64_t kFewestTerms = 8, kFewestRows = 8;
/// Marks products until their rows are in groups, and those that were looked
/// at.
constexpr StringLiteral kMark = "pock.tile_product",
                        kSeen = "pock.tile_product_seen";

/// out[row, col] += rows[row, term] * cols[term, col], with any order of the
/// dimensions of the factors.
struct Product {
  linalg::GenericOp op;
  unsigned row, col, term;
  OpOperand *rows, *cols;
  /// The strides of the factors along their row, and their column.
  int64_t rowStride, colStride;

  int64_t extent(unsigned loop) { return op.getStaticLoopRanges()[loop]; }
};

std::optional<Product> matchProduct(linalg::GenericOp op) {
  if (op.getNumLoops() != 3 || op.getNumReductionLoops() != 1 ||
      op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      !addsProducts(op))
    return std::nullopt;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type || type.getRank() != 2 || !type.hasStaticShape() ||
        !type.getElementType().isF32() ||
        !op.getMatchingIndexingMap(&operand).isProjectedPermutation())
      return std::nullopt;
  }
  std::optional<Nest> nest = buildNest(op);
  if (!nest)
    return std::nullopt;
  Product product{op, 0, 0, 0, nullptr, nullptr, 0, 0};
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  product.row = out.getDimPosition(0);
  product.col = out.getDimPosition(1);
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  product.term = reductions.front();
  if (llvm::is_contained({product.row, product.col}, product.term) ||
      product.extent(product.row) < kTile ||
      product.extent(product.col) < kTile ||
      product.extent(product.term) < kFewestTerms)
    return std::nullopt;
  for (auto [i, access] : llvm::enumerate(nest->statements.front().ins)) {
    OpOperand *operand = op.getDpsInputOperand(i);
    AffineMap map = op.getMatchingIndexingMap(operand);
    bool byRow = map.isFunctionOfDim(product.row);
    if (byRow == map.isFunctionOfDim(product.col))
      return std::nullopt;
    (byRow ? product.rows : product.cols) = operand;
    (byRow ? product.rowStride : product.colStride) =
        access.strides[byRow ? product.row : product.col];
  }
  if (!product.rows || !product.cols)
    return std::nullopt;
  return product;
}

/// The operation that makes the temporary `buffer` entry by entry, if `reader`
/// alone reads the result.
linalg::GenericOp findCopy(Value buffer, linalg::GenericOp reader) {
  linalg::GenericOp copy;
  if (!buffer.getDefiningOp<memref::AllocOp>())
    return copy;
  for (OpOperand &use : buffer.getUses()) {
    auto op = dyn_cast<linalg::GenericOp>(use.getOwner());
    if (op == reader)
      continue;
    if (!op || copy || !op.isDpsInit(&use) || op.getNumReductionLoops() ||
        op.getNumLoops() != 2 || op.getNumDpsInits() != 1 ||
        op.hasIndexSemantics() || op->getBlock() != reader->getBlock() ||
        op.payloadUsesValueFromOperand(&use) ||
        !op.getMatchingIndexingMap(&use).isPermutation())
      return nullptr;
    copy = op;
  }
  return copy;
}

Value allocate(OpBuilder &b, Location loc, ArrayRef<int64_t> shape) {
  return memref::AllocOp::create(b, loc, MemRefType::get(shape, b.getF32Type()))
      .getResult();
}

/// `value` with dimension `dim` divided into groups of rows.
Value expandRows(OpBuilder &b, Value value, unsigned dim) {
  auto type = cast<MemRefType>(value.getType());
  SmallVector<int64_t> shape;
  SmallVector<ReassociationIndices> groups;
  for (auto [i, extent] : llvm::enumerate(type.getShape())) {
    groups.push_back({static_cast<int64_t>(shape.size())});
    if (i == dim) {
      shape.push_back(extent / kTile);
      groups.back().push_back(shape.size());
      shape.push_back(kTile);
    } else {
      shape.push_back(extent);
    }
  }
  return memref::ExpandShapeOp::create(b, value.getLoc(), shape, value, groups);
}

/// The maps of an operation whose loop `row` becomes loops `row` and `row + 1`.
AffineMap expandMap(AffineMap map, unsigned row, bool grouped) {
  MLIRContext *context = map.getContext();
  SmallVector<AffineExpr> results;
  auto dim = [&](unsigned d) {
    return getAffineDimExpr(d > row ? d + 1 : d, context);
  };
  for (AffineExpr expr : map.getResults()) {
    unsigned d = cast<AffineDimExpr>(expr).getPosition();
    results.push_back(dim(d));
    if (d == row && !grouped)
      results.push_back(getAffineDimExpr(row + 1, context));
  }
  if (grouped)
    results.push_back(getAffineDimExpr(row + 1, context));
  return AffineMap::get(map.getNumDims() + 1, 0, results, context);
}

/// Whether all operands of `op` are read along dimensions only.
bool isPlain(linalg::GenericOp op) {
  return !op.hasIndexSemantics() &&
         llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
           return map.isProjectedPermutation(/*allowZeroInResults=*/false);
         });
}

/// Replaces `op` by the same operation on groups of four of its loop `row`, and
/// one on the rows that are left. `packed` is the copy of operand `rows` in
/// groups, if there is one.
void groupRows(linalg::GenericOp op, unsigned row, OpOperand *rows,
               Value packed) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  int64_t extent = op.getStaticLoopRanges()[row];
  int64_t main = extent / kTile * kTile;
  if (main < extent) {
    SmallVector<Value> operands(op->getOperands());
    sliceOperands(b, op, row, b.getIndexAttr(main), extent - main, operands);
    OpBuilder behind(op);
    behind.setInsertionPointAfter(op);
    Operation *rest = behind.clone(*op);
    rest->setOperands(operands);
    rest->removeAttr(kMark);
  }
  SmallVector<Value> operands(op->getOperands());
  if (main < extent)
    sliceOperands(b, op, row, b.getIndexAttr(0), main, operands);
  SmallVector<AffineMap> maps;
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    Value &value = operands[operand.getOperandNumber()];
    bool grouped = packed && &operand == rows;
    if (grouped) {
      value = packed;
      // [row, term]
      if (map.getDimPosition(0) != row)
        map = AffineMap::get(map.getNumDims(), 0,
                             {map.getResult(1), map.getResult(0)},
                             map.getContext());
    } else if (int position = *positionOf(map, row); position >= 0) {
      value = expandRows(b, value, position);
    }
    maps.push_back(expandMap(map, row, grouped));
  }
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  iterators.insert(iterators.begin() + row, utils::IteratorType::parallel);
  auto fresh = linalg::GenericOp::create(
      b, loc, TypeRange(), ValueRange(operands).drop_back(op.getNumDpsInits()),
      ValueRange(operands).take_back(op.getNumDpsInits()), maps, iterators);
  IRMapping mapping;
  op.getRegion().cloneInto(&fresh.getRegion(), mapping);
  op.erase();
}

/// Copies the rows of `product` from term `first` on into groups of four.
Value packRows(OpBuilder &b, Product &product, Value source, Value buffer,
               int64_t count) {
  Location loc = product.op.getLoc();
  AffineMap map = product.op.getMatchingIndexingMap(product.rows);
  unsigned rowDim = *positionOf(map, product.row);
  int64_t extent = product.extent(product.row), main = extent / kTile * kTile;
  if (main < extent)
    source = sliceOf(b, source, rowDim, b.getIndexAttr(0), main);
  source = expandRows(b, source, rowDim);
  if (cast<MemRefType>(buffer.getType()).getDimSize(1) != count)
    buffer = sliceOf(b, buffer, 1, b.getIndexAttr(0), count);
  // Loops: groups of rows, terms, rows of a group.
  AffineExpr group = b.getAffineDimExpr(0), term = b.getAffineDimExpr(1),
             row = b.getAffineDimExpr(2);
  SmallVector<AffineExpr> from;
  if (rowDim == 0)
    from = {group, row, term};
  else
    from = {term, group, row};
  SmallVector<utils::IteratorType> loops(3, utils::IteratorType::parallel);
  linalg::GenericOp::create(
      b, loc, TypeRange(), source, buffer,
      {AffineMap::get(3, 0, from, b.getContext()), b.getMultiDimIdentityMap(3)},
      loops, [](OpBuilder &b, Location loc, ValueRange args) {
        linalg::YieldOp::create(b, loc, args[0]);
      });
  return buffer;
}

/// Divides the rows of the product `op` into groups. `packed` has the rows.
void groupProduct(linalg::GenericOp op, Value packed) {
  op->removeAttr(kMark);
  unsigned row =
      op.getMatchingIndexingMap(op.getDpsInitOperand(0)).getDimPosition(0);
  OpOperand *factor = nullptr;
  for (OpOperand *input : op.getDpsInputOperands())
    if (op.getMatchingIndexingMap(input).isFunctionOfDim(row))
      factor = input;
  groupRows(op, row, factor, packed);
}

/// Whether `op` computes entry by entry what `product` computes.
bool isBeside(linalg::GenericOp op, linalg::GenericOp product) {
  if (op.getNumReductionLoops() || op.getNumLoops() != 2 ||
      op.getNumDpsInits() != 1 || !isPlain(op))
    return false;
  Value result = op.getDpsInits()[0], sum = product.getDpsInits()[0];
  return findRoot(result) == findRoot(sum) &&
         cast<MemRefType>(result.getType()).getShape() ==
             cast<MemRefType>(sum.getType()).getShape() &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity();
}

/// Divides the rows of the marked product in `block`, and of the operations
/// beside it, into groups.
void groupRowsIn(Block &block, Value packed) {
  linalg::GenericOp product;
  SmallVector<linalg::GenericOp> others;
  for (auto op : block.getOps<linalg::GenericOp>())
    if (op->hasAttr(kMark))
      product = op;
  if (!product)
    return;
  for (auto op : block.getOps<linalg::GenericOp>())
    if (op != product && isBeside(op, product))
      others.push_back(op);
  for (linalg::GenericOp op : others)
    groupRows(op, 0, nullptr, nullptr);
  groupProduct(product, packed);
}

/// The number of terms of a block: all if the copy of all rows has at most
/// `most` bytes. Else at most half of that: loading and storing the sums again
/// for each block takes little time. A divisor of `terms` if there is one that
/// is not much smaller.
int64_t chooseTerms(int64_t rows, int64_t terms, int64_t most) {
  int64_t bytesPerTerm = rows * sizeof(float);
  if (terms <= std::max(most / bytesPerTerm, kFewestTerms))
    return terms;
  int64_t limit = std::max(most / 2 / bytesPerTerm, kFewestTerms);
  for (int64_t count = limit; count * 2 > limit; --count)
    if (terms % count == 0 && count % 2 == 0)
      return count;
  return limit / 2 * 2;
}

class Tiler {
public:
  Tiler(Product product, int64_t budget)
      : product(product), budget(budget), op(product.op) {}

  void run() {
    bool copied = static_cast<bool>(findCopy(product.cols->get(), op));
    if (!copied && (product.colStride != 1 || product.rowStride == 1))
      return;
    if (product.rowStride != 1 && product.extent(product.col) < kFewestRows)
      return;
    int64_t rows = product.extent(product.row) / kTile * kTile;
    int64_t all = product.extent(product.term);
    int64_t terms =
        product.rowStride == 1 ? all : chooseTerms(rows, all, budget);
    sinkFill(op);
    if (terms == all && runByColumns())
      return;
    runInBlocks(terms);
  }

private:
  /// All terms at once, and all operations around the product for four columns
  /// at a time.
  bool runByColumns() {
    OpBuilder b(op);
    Block &block = *op->getBlock();
    std::optional<BlockRun> run;
    if (findCopy(product.cols->get(), op)) {
      unsigned dim =
          *positionOf(op.getMatchingIndexingMap(product.cols), product.col);
      run = findRun(product.cols->get(), dim, kTile, block, /*skips=*/false,
                    /*numbers=*/true);
      if (!run)
        return false;
    }
    Value packed;
    if (product.rowStride != 1) {
      int64_t terms = product.extent(product.term);
      packed = allocate(b, op.getLoc(),
                        {product.extent(product.row) / kTile, terms, kTile});
      packed = packRows(b, product, product.rows->get(), packed, terms);
      op->setAttr(kMark, b.getUnitAttr());
    }
    Operation *before = op->getPrevNode();
    if (run) {
      rewrite(*run);
      if (packed)
        for (Operation *next = before ? before : &block.front(); next;
             next = next->getNextNode())
          if (auto loop = dyn_cast<scf::ForOp>(next))
            groupRowsIn(*loop.getBody(), packed);
    }
    if (packed)
      groupRowsIn(block, packed);
    return true;
  }

  void runInBlocks(int64_t terms) {
    Location loc = op.getLoc();
    OpBuilder b(op);
    linalg::GenericOp copy = findCopy(product.cols->get(), op);
    AffineMap colMap = op.getMatchingIndexingMap(product.cols);
    unsigned termDim = *positionOf(colMap, product.term),
             colDim = *positionOf(colMap, product.col);
    Value buffer, panel;
    if (product.rowStride != 1)
      buffer =
          allocate(b, loc, {product.extent(product.row) / kTile, terms, kTile});
    if (copy) {
      SmallVector<int64_t> shape(2);
      shape[termDim] = terms;
      shape[colDim] = kTile;
      panel = allocate(b, loc, shape);
    }
    emitBlocks(
        b, loc, product.extent(product.term), terms,
        [&](OpFoldResult first, int64_t count) {
          SmallVector<Value> operands(op->getOperands());
          sliceOperands(b, op, product.term, first, count, operands);
          Value packed;
          if (buffer)
            packed =
                packRows(b, product, operands[product.rows->getOperandNumber()],
                         buffer, count);
          auto compute = [&](OpFoldResult left, int64_t columns) {
            SmallVector<Value> parts(operands);
            sliceOperands(b, op, product.col, left, columns, parts);
            if (panel)
              makePanel(b, copy, panel, first, count, left, columns, parts);
            auto part = cast<linalg::GenericOp>(b.clone(*op));
            part->setOperands(parts);
            if (packed)
              groupProduct(part, packed);
          };
          if (panel)
            emitBlocks(b, loc, product.extent(product.col), kTile, compute);
          else
            compute(b.getIndexAttr(0), product.extent(product.col));
        });
    op.erase();
    if (copy)
      copy.erase();
  }

  /// Makes the columns of one panel, and sets the factor of `parts` to it.
  void makePanel(OpBuilder &b, linalg::GenericOp copy, Value panel,
                 OpFoldResult first, int64_t count, OpFoldResult left,
                 int64_t columns, SmallVectorImpl<Value> &parts) {
    Value &factor = parts[product.cols->getOperandNumber()];
    AffineMap colMap = op.getMatchingIndexingMap(product.cols);
    auto cut = [&](Value value, unsigned dim, int64_t size) {
      return cast<MemRefType>(value.getType()).getDimSize(dim) == size
                 ? value
                 : sliceOf(b, value, dim, b.getIndexAttr(0), size);
    };
    unsigned termDim = *positionOf(colMap, product.term),
             colDim = *positionOf(colMap, product.col);
    Value part = cut(cut(panel, termDim, count), colDim, columns);
    AffineMap out = copy.getMatchingIndexingMap(copy.getDpsInitOperand(0));
    SmallVector<Value> operands(copy->getOperands());
    sliceOperands(b, copy, out.getDimPosition(termDim), first, count, operands);
    sliceOperands(b, copy, out.getDimPosition(colDim), left, columns, operands);
    operands.back() = part;
    Operation *fresh = b.clone(*copy);
    fresh->setOperands(operands);
    factor = part;
  }

  Product product;
  int64_t budget;
  linalg::GenericOp op;
};

struct TileProducts : impl::TileProductsBase<TileProducts> {
  using Base::Base;

  /// The first product in `block` that was not looked at.
  static linalg::GenericOp findNext(Block &block) {
    for (auto op : block.getOps<linalg::GenericOp>())
      if (!op->hasAttr(kSeen) && matchProduct(op))
        return op;
    return nullptr;
  }

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    if (!usesGroups(target))
      return;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      // Each may move or replace others.
      while (linalg::GenericOp op = findNext(func.getBody().front())) {
        op->setAttr(kSeen, UnitAttr::get(&getContext()));
        Tiler(*matchProduct(op), target.l2Bytes).run();
      }
      func.walk([](linalg::GenericOp op) { op->removeAttr(kSeen); });
      func.walk([](Block *block) {
        if (isa<func::FuncOp, scf::ForOp>(block->getParentOp()))
          separateLong(*block);
      });
      eraseDeadOps(func);
    }
  }
};

} // namespace
} // namespace mlir::pock
