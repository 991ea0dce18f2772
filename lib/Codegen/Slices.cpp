//===- Slices.cpp - Parts of buffers along one loop -----------------------===//

#include "Slices.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

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

} // namespace mlir::pock
