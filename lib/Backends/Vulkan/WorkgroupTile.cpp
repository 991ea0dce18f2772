//===- WorkgroupTile.cpp - A tile of a product for a workgroup ------------===//

#include "WorkgroupTile.h"
#include "../Shared/NestBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Whether workgroup memory of every device holds values of `in`: floats of 16
/// bits are widened when they are copied.
bool canCopy(const Statement &statement, size_t in) {
  Type type = statement.ins[in].elementType;
  return statement.ins[in].root &&
         (type.isF32() || type.isInteger(32) || type.isF16());
}

/// Whether all windows are of products, which are zero on their borders.
bool addsProductsOnly(const Nest &nest, const Statement &sum) {
  if (nest.windows.empty())
    return true;
  linalg::GenericOp op = sum.op;
  Operation *yield = op.getBody()->getTerminator();
  Value addend;
  auto add = yield->getOperand(0).getDefiningOp<arith::AddFOp>();
  return add && matchMulAdd(add, addend);
}

/// The number of the only statement with a sum; nothing if there is none or
/// another.
std::optional<unsigned> findSum(const Nest &nest) {
  std::optional<unsigned> found;
  for (auto [i, statement] : llvm::enumerate(nest.statements))
    if (statement.isReduction()) {
      if (found)
        return std::nullopt;
      found = i;
    }
  return found;
}

bool writes(const Nest &nest, Value root) {
  return llvm::any_of(nest.statements, [&](const Statement &statement) {
    return llvm::any_of(statement.outs,
                        [&](const Access &out) { return out.root == root; });
  });
}

/// The ins of `statement` that move in `loop`, as bits.
unsigned findMoving(const Statement &statement, int loop) {
  unsigned moving = 0;
  for (auto [i, in] : llvm::enumerate(statement.ins))
    if (in.strides[loop] != 0)
      moving |= 1u << i;
  return moving;
}

} // namespace

std::optional<WorkgroupTile> findWorkgroupTile(const Nest &nest) {
  std::optional<unsigned> number = findSum(nest);
  if (!number)
    return std::nullopt;
  const Statement &sum = nest.statements[*number];
  int64_t terms = 1;
  for (int loop : sum.reductions)
    terms *= nest.loops[loop].extent;
  if (terms < WorkgroupTile::kDepth || sum.usesIndex || sum.readsMemory ||
      sum.ins.size() != 2 || !addsProductsOnly(nest, sum))
    return std::nullopt;
  for (auto [i, in] : llvm::enumerate(sum.ins))
    if (!canCopy(sum, i) || writes(nest, in.root))
      return std::nullopt;
  WorkgroupTile tile;
  tile.statement = *number;
  SmallVector<int> loops = nest.parallelLoops();
  const Access &out = nest.statements.back().outs.front();
  llvm::stable_sort(loops, [&](int l, int k) {
    return std::abs(out.strides[l]) > std::abs(out.strides[k]);
  });
  for (int loop : loops) {
    unsigned moving = findMoving(sum, loop);
    int64_t extent = nest.loops[loop].extent;
    if (moving == 0b11) {
      tile.batch.push_back(loop);
      tile.batchExtent *= extent;
    } else if (moving != 0) {
      WorkgroupTile::Side &side = moving == 0b01 ? tile.rows : tile.columns;
      side.loops.push_back(loop);
      side.extent *= extent;
    } else {
      return std::nullopt;
    }
  }
  if (tile.rows.loops.empty() || tile.columns.loops.empty())
    return std::nullopt;
  return tile;
}

} // namespace mlir::pock
