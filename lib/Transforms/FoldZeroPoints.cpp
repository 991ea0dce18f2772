//===- FoldZeroPoints.cpp - sums of bytes as they are stored --------------===//

#include "Pock/IR/Expr.h"
#include "Pock/Target/TargetBackend.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FOLDZEROPOINTS
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

static Expr widen(Expr bytes) {
  Type wide = IntegerType::get(bytes.type().getContext(), 32);
  return bytes.make<CastOp>(bytes.type().clone(wide), Value(bytes));
}

/// The sums of `bytes` over all dimensions but `kept`, in i32.
static Expr sumAllBut(Expr bytes, int64_t kept) {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < bytes.rank(); ++dim)
    if (dim != kept)
      dims.push_back(dim);
  return widen(bytes).sum(dims);
}

/// Adds `correction`, which broadcasts to `sum`. If only an addition of a
/// tensor of the same shape, a bias, reads the sum, that tensor is corrected
/// instead.
static void addCorrection(Value sum, Expr correction) {
  auto isVector = [&](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    return type.getNumElements() == correction.type().getNumElements();
  };
  auto add = sum.hasOneUse() ? dyn_cast<AddOp>(*sum.user_begin()) : AddOp();
  if (add)
    for (OpOperand &operand : add->getOpOperands()) {
      if (operand.get() == sum || !isVector(operand.get()))
        continue;
      // In front of the product, so that the product's kernel is not divided.
      OpBuilder b(add);
      if (!operand.get().getDefiningOp() ||
          operand.get().getDefiningOp()->isBeforeInBlock(sum.getDefiningOp()))
        b.setInsertionPoint(sum.getDefiningOp());
      Expr bias(b, add.getLoc(), operand.get());
      Expr shaped =
          Expr(b, add.getLoc(), correction).reshape(shapeOf(operand.get()));
      operand.set(bias + shaped);
      return;
    }
  OpBuilder b(sum.getContext());
  b.setInsertionPointAfter(sum.getDefiningOp());
  Expr corrected = Expr(b, sum.getLoc(), sum) + correction;
  Value result = corrected;
  sum.replaceAllUsesExcept(result, result.getDefiningOp());
}

static void foldConv(ConvOp conv) {
  auto zero = static_cast<int64_t>(conv.getInputZero());
  if (zero == 0)
    return;
  OpBuilder b(conv);
  int64_t rank = conv.getType().getRank();
  FilterDims dims = FilterDims::get(conv.getLayout(), rank);
  Expr sums = sumAllBut(Expr(b, conv.getLoc(), conv.getWeight()), dims.out);
  Expr correction = sums * static_cast<double>(-zero);
  int64_t channel = channelDim(conv.getLayout(), rank);
  if (channel != rank - 1)
    correction = correction.alongAxis(channel, rank);
  conv.setPadValue(zero);
  conv.setInputZero(0);
  addCorrection(conv.getResult(), correction);
}

// sum (a - za) (b - zb) = sum a b - zb sum a - za sum b + K za zb
static void foldMatmul(MatmulOp product, bool keepLhs) {
  auto lhsZero = static_cast<int64_t>(product.getLhsZero());
  auto rhsZero = static_cast<int64_t>(product.getRhsZero());
  if ((lhsZero == 0 || keepLhs) && rhsZero == 0)
    return;
  OpBuilder b(product);
  Location loc = product.getLoc();
  int64_t rank = product.getType().getRank();
  auto sums = [&](Value bytes, bool overLast) {
    return widen(Expr(b, loc, bytes)).sum({overLast ? rank - 1 : rank - 2});
  };
  SmallVector<int64_t> rows(shapeOf(product.getResult())), columns(rows);
  rows[rank - 1] = 1;
  columns[rank - 2] = 1;
  int64_t terms = shapeOf(
      product.getLhs())[product.getTransposeLhs() ? rank - 2 : rank - 1];
  Value sum = product.getResult();
  if (!keepLhs)
    product.setLhsZero(0);
  product.setRhsZero(0);
  if (rhsZero != 0) {
    // The constant term goes with the rows.
    Expr perRow = sums(product.getLhs(), !product.getTransposeLhs());
    Expr correction = perRow * static_cast<double>(-rhsZero);
    correction = correction + static_cast<double>(terms * lhsZero * rhsZero);
    correction = correction.reshape(rows);
    addCorrection(sum, correction);
    if (lhsZero != 0)
      sum = *sum.user_begin()->result_begin();
  }
  if (lhsZero == 0 || keepLhs)
    return;
  Expr perColumn = sums(product.getRhs(), product.getTransposeRhs());
  Expr correction = perColumn * static_cast<double>(-lhsZero);
  if (rank > 2)
    correction = correction.reshape(columns);
  addCorrection(sum, correction);
}

namespace {
struct FoldZeroPoints
    : public ::mlir::pock::impl::FoldZeroPointsBase<FoldZeroPoints> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    FailureOr<const TargetBackend *> backend =
        findTargetBackend(func->getParentOfType<ModuleOp>());
    if (failed(backend))
      return signalPassFailure();
    // The left operand of a product is its input.
    bool keepInput = !(*backend)->foldsZeroPoints(targetOf(func));
    if (!keepInput)
      func.walk(foldConv);
    func.walk([&](MatmulOp product) { foldMatmul(product, keepInput); });
  }
};
} // namespace
