//===- NestWindows.cpp - Windows that reach into a border -----------------===//

#include "Nest.h"
#include "Pock/IR/Pock.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// The padded view under `value`, which must contain the whole dimensions with
/// a border.
FailureOr<PaddedViewOp> findPaddedView(Value value) {
  SmallVector<memref::SubViewOp> slices;
  bool reshaped = false;
  for (Operation *def = value.getDefiningOp(); def;
       def = def->getOperand(0).getDefiningOp()) {
    if (auto padded = dyn_cast<PaddedViewOp>(def)) {
      if (reshaped)
        return failure();
      for (memref::SubViewOp slice : slices)
        for (auto [d, low] : llvm::enumerate(padded.getLow()))
          if ((low || padded.getHigh()[d]) &&
              (slice.getStaticOffset(d) != 0 || slice.getStaticStride(d) != 1 ||
               slice.getStaticSize(d) != padded.getType().getDimSize(d)))
            return failure();
      return padded;
    }
    auto slice = dyn_cast<memref::SubViewOp>(def);
    if (slice && slice.getDroppedDims().none())
      slices.push_back(slice);
    else if (isa<ViewLikeOpInterface>(def))
      reshaped = true;
    else
      break;
  }
  return PaddedViewOp();
}

/// Adds `factor * expr` to `window`, in loops of `op`; false unless each term
/// is a multiple of the loop of points or of the loop of taps.
bool addTerms(linalg::GenericOp op, AffineExpr expr, int64_t factor,
              TapWindow &window) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    int loop = dim.getPosition();
    bool isTap =
        op.getIteratorTypesArray()[loop] == utils::IteratorType::reduction;
    int &known = isTap ? window.taps : window.points;
    if (known >= 0)
      return false;
    known = loop;
    (isTap ? window.dilation : window.stride) = factor;
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return addTerms(op, binary.getLHS(), factor, window) &&
           addTerms(op, binary.getRHS(), factor, window);
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return binary.getKind() == AffineExprKind::Mul && constant &&
         addTerms(op, binary.getLHS(), factor * constant.getValue(), window);
}

} // namespace

std::optional<SmallVector<TapWindow>> findWindows(linalg::GenericOp op,
                                                  OpOperand &operand) {
  SmallVector<TapWindow> windows;
  FailureOr<PaddedViewOp> view = findPaddedView(operand.get());
  if (failed(view))
    return std::nullopt;
  if (!*view)
    return windows;
  if (op.isDpsInit(&operand))
    return std::nullopt;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  for (auto [d, size] :
       llvm::enumerate(view->getSource().getType().getShape())) {
    int64_t low = view->getLow()[d];
    if (low == 0 && view->getHigh()[d] == 0)
      continue;
    TapWindow window{&operand, -1, -1, 0, 0, low, size};
    if (!addTerms(op, map.getResult(d), 1, window) || window.points < 0 ||
        window.taps < 0)
      return std::nullopt;
    windows.push_back(window);
  }
  return windows;
}

SmallVector<std::pair<int64_t, int64_t>> splitByTaps(const Nest &nest,
                                                     int loop) {
  auto sameTaps = [&](int64_t a, int64_t b) {
    return llvm::all_of(nest.windows, [&](const TapWindow &window) {
      if (window.points != loop)
        return true;
      for (int64_t tap = 0; tap < nest.loops[window.taps].extent; ++tap)
        if (window.contains(a, tap) != window.contains(b, tap))
          return false;
      return true;
    });
  };
  SmallVector<std::pair<int64_t, int64_t>> runs;
  for (int64_t point = 0; point < nest.loops[loop].extent; ++point) {
    if (!runs.empty() && sameTaps(runs.back().first, point))
      runs.back().second = point + 1;
    else
      runs.push_back({point, point + 1});
  }
  return runs;
}

} // namespace mlir::pock
