//===- Slices.cpp - Parts of buffers along one loop -----------------------===//

#include "Slices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mlir::pock {

std::optional<int> positionOf(AffineMap map, unsigned loop) {
  int position = -1;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(loop))
      continue;
    if (position >= 0 || !isa<AffineDimExpr>(expr))
      return std::nullopt;
    position = i;
  }
  return position;
}

Value sliceOf(OpBuilder &b, Value value, unsigned dim, OpFoldResult first,
              int64_t size) {
  auto type = cast<MemRefType>(value.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)), sizes,
      strides(type.getRank(), b.getIndexAttr(1));
  for (int64_t extent : type.getShape())
    sizes.push_back(b.getIndexAttr(extent));
  offsets[dim] = first;
  sizes[dim] = b.getIndexAttr(size);
  return memref::SubViewOp::create(b, value.getLoc(), value, offsets, sizes,
                                   strides);
}

void shiftIndices(linalg::GenericOp op, unsigned loop, OpFoldResult first) {
  OpBuilder b(op);
  for (auto index :
       llvm::make_early_inc_range(op.getBody()->getOps<linalg::IndexOp>())) {
    if (static_cast<unsigned>(index.getDim()) != loop)
      continue;
    Value start = getValueOrCreateConstantIndexOp(b, op.getLoc(), first);
    OpBuilder inside(index);
    inside.setInsertionPointAfter(index);
    auto sum = arith::AddIOp::create(inside, index.getLoc(), index, start);
    index.getResult().replaceAllUsesExcept(sum, sum);
  }
}

void emitBlocks(
    OpBuilder &b, Location loc, int64_t extent, int64_t size,
    llvm::function_ref<void(OpFoldResult first, int64_t count)> body) {
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  int64_t main = extent / size * size;
  auto loop =
      scf::ForOp::create(b, loc, constant(0), constant(main), constant(size));
  if (main < extent)
    body(b.getIndexAttr(main), extent - main);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar(), size);
}

int64_t usesOf(linalg::GenericOp op, OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  int64_t uses = 1;
  for (auto [loop, extent] : llvm::enumerate(op.getStaticLoopRanges()))
    uses *= map.isFunctionOfDim(loop) ? 1 : extent;
  return uses;
}

} // namespace mlir::pock
