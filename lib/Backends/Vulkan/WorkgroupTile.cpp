//===- WorkgroupTile.cpp - A tile of a product for a workgroup ------------===//

#include "WorkgroupTile.h"
#include "../Shared/NestBody.h"
#include "ThreadMap.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Whether workgroup memory of every device holds values of `in`: floats of 16
/// bits are widened when they are copied.
bool canCopy(const Access &in) {
  Type type = in.elementType;
  return in.root && (type.isF32() || type.isInteger(32) || type.isF16());
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

/// The only statement with a sum; null if there is none or another.
const Statement *findSum(const Nest &nest) {
  const Statement *found = nullptr;
  for (const Statement &statement : nest.statements)
    if (statement.isReduction()) {
      if (found)
        return nullptr;
      found = &statement;
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
  const Statement *sum = findSum(nest);
  if (!sum || countTerms(nest, *sum) < WorkgroupTile::kDepth ||
      sum->usesIndex || sum->readsMemory || sum->ins.size() != 2 ||
      !addsProductsOnly(nest, *sum))
    return std::nullopt;
  for (const Access &in : sum->ins)
    if (!canCopy(in) || writes(nest, in.root))
      return std::nullopt;
  WorkgroupTile tile;
  for (int loop : loopsByResult(nest)) {
    unsigned moving = findMoving(*sum, loop);
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
