//===- ViewDimensions.cpp - Dimensions of views and of buffers ------------===//

#include "ViewDimensions.h"

#include "../Shared/Slices.h"
#include "Pock/IR/Pock.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::pock;

/// The only dimension of `type` in `group` that has more than one entry;
/// nothing if there are several or none.
static std::optional<unsigned> largeDimension(ArrayRef<int64_t> group,
                                              MemRefType type) {
  std::optional<unsigned> large;
  for (int64_t dim : group)
    if (type.getDimSize(dim) != 1) {
      if (large)
        return std::nullopt;
      large = dim;
    }
  return large;
}

/// The source of the view `operand`, and the source's dimension for dimension
/// `dim` of the view. Nothing if the view does not keep the whole dimension.
static std::optional<std::pair<Value, unsigned>> stepBack(Value operand,
                                                          unsigned dim) {
  if (auto groups = operand.getDefiningOp<GroupViewOp>()) {
    if (dim + 1 == groups.getType().getRank())
      return std::nullopt;
    return std::pair(groups.getSource(), dim);
  }
  if (auto padded = operand.getDefiningOp<PaddedViewOp>()) {
    if (padded.getLow()[dim] != 0 || padded.getHigh()[dim] != 0)
      return std::nullopt;
    return std::pair(padded.getSource(), dim);
  }
  if (auto view = operand.getDefiningOp<memref::ExpandShapeOp>()) {
    for (auto [source, group] : llvm::enumerate(view.getReassociationIndices()))
      if (largeDimension(group, view.getResultType()) == dim)
        return std::pair(view.getSrc(), unsigned(source));
    return std::nullopt;
  }
  if (auto view = operand.getDefiningOp<memref::CollapseShapeOp>()) {
    if (auto source = largeDimension(view.getReassociationIndices()[dim],
                                     view.getSrcType()))
      return std::pair(view.getSrc(), *source);
    return std::nullopt;
  }
  auto view = operand.getDefiningOp<memref::SubViewOp>();
  if (!view || view.getSourceType().getRank() != view.getType().getRank() ||
      view.getType().getDimSize(dim) != view.getSourceType().getDimSize(dim) ||
      !view.getDroppedDims().none() || view.getStaticOffset(dim) != 0)
    return std::nullopt;
  return std::pair(view.getSource(), dim);
}

std::optional<unsigned> pock::dimensionOf(Value operand, unsigned dim,
                                          Value root) {
  while (operand != root) {
    auto step = stepBack(operand, dim);
    if (!step)
      return std::nullopt;
    std::tie(operand, dim) = *step;
  }
  return dim;
}

std::optional<unsigned> pock::dimensionIn(Value operand, Value root,
                                          unsigned rootDim) {
  for (unsigned dim = 0, e = cast<MemRefType>(operand.getType()).getRank();
       dim < e; ++dim)
    if (dimensionOf(operand, dim, root) == rootDim)
      return dim;
  return std::nullopt;
}

Value pock::rebase(OpBuilder &b, Value operand, Value root, Value shrunk,
                   unsigned dim, int64_t size) {
  if (operand == root) {
    int64_t all = cast<MemRefType>(shrunk.getType()).getDimSize(dim);
    return all == size ? shrunk
                       : sliceOf(b, shrunk, dim, b.getIndexAttr(0), size);
  }
  auto [view, viewDim] = *stepBack(operand, dim);
  Location loc = operand.getLoc();
  // A group view has the whole buffer as its source.
  if (auto groups = operand.getDefiningOp<GroupViewOp>()) {
    int64_t all = cast<MemRefType>(shrunk.getType()).getDimSize(viewDim);
    Value source = rebase(b, view, root, shrunk, viewDim, all);
    MemRefType type =
        GroupViewOp::getGroupType(cast<MemRefType>(source.getType()),
                                  groups.getType().getElementTypeBitWidth());
    Value whole = GroupViewOp::create(b, loc, type, source);
    return all == size ? whole
                       : sliceOf(b, whole, dim, b.getIndexAttr(0), size);
  }
  Value source = rebase(b, view, root, shrunk, viewDim, size);
  if (auto padded = operand.getDefiningOp<PaddedViewOp>())
    return PaddedViewOp::create(b, loc, source, padded.getLow(),
                                padded.getHigh());
  if (auto expand = operand.getDefiningOp<memref::ExpandShapeOp>()) {
    SmallVector<int64_t> shape(expand.getResultType().getShape());
    shape[dim] = size;
    return memref::ExpandShapeOp::create(b, loc, shape, source,
                                         expand.getReassociationIndices());
  }
  if (auto collapse = operand.getDefiningOp<memref::CollapseShapeOp>())
    return memref::CollapseShapeOp::create(b, loc, source,
                                           collapse.getReassociationIndices());
  auto subview = operand.getDefiningOp<memref::SubViewOp>();
  SmallVector<OpFoldResult> sizes = subview.getMixedSizes();
  sizes[dim] = b.getIndexAttr(size);
  return memref::SubViewOp::create(b, loc, source, subview.getMixedOffsets(),
                                   sizes, subview.getMixedStrides());
}
