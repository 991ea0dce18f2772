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

static bool isOfBytes(Value value) {
  return getElementTypeOrSelf(value).isInteger(8);
}

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

/// What kernels subtract from the input of a sum of `terms` products.
using GetKept = llvm::function_ref<int64_t(int64_t terms, int64_t zero)>;

static void foldConv(ConvOp conv, GetKept getKept) {
  auto zero = static_cast<int64_t>(conv.getInputZero());
  int64_t rank = conv.getType().getRank();
  FilterDims dims = FilterDims::get(conv.getLayout(), rank);
  int64_t kept = getKept(shapeOf(conv.getWeight())[dims.in], zero);
  if (kept == zero)
    return;
  OpBuilder b(conv);
  Expr sums = sumAllBut(Expr(b, conv.getLoc(), conv.getWeight()), dims.out);
  Expr correction = sums * static_cast<double>(kept - zero);
  int64_t channel = channelDim(conv.getLayout(), rank);
  if (channel != rank - 1)
    correction = correction.alongAxis(channel, rank);
  conv.setPadValue(zero - kept);
  conv.setInputZero(kept);
  addCorrection(conv.getResult(), correction);
}

// sum (a - za) (b - zb) = sum a b - zb sum a - za sum b + K za zb
// where `kept`, a part of za, is subtracted from a first.
static void foldMatmul(MatmulOp product, GetKept getKept) {
  auto zero = static_cast<int64_t>(product.getLhsZero());
  auto rhsZero = static_cast<int64_t>(product.getRhsZero());
  int64_t last = product.getType().getRank() - 1;
  int64_t terms =
      shapeOf(product.getLhs())[product.getTransposeLhs() ? last - 1 : last];
  int64_t kept = getKept(terms, zero);
  int64_t lhsZero = zero - kept;
  if (lhsZero == 0 && rhsZero == 0)
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
  Value sum = product.getResult();
  product.setLhsZero(kept);
  product.setRhsZero(0);
  if (rhsZero != 0) {
    // The constant term goes with the rows.
    Expr perRow = sums(product.getLhs(), !product.getTransposeLhs());
    Expr correction = perRow * static_cast<double>(-rhsZero);
    correction = correction + static_cast<double>(terms * zero * rhsZero);
    correction = correction.reshape(rows);
    addCorrection(sum, correction);
    if (lhsZero != 0)
      sum = *sum.user_begin()->result_begin();
  }
  if (lhsZero == 0)
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
    auto getKept = [&](int64_t terms, int64_t zero) {
      return (*backend)->getKernelZeroPoint(targetOf(func), terms, zero);
    };
    func.walk([&](Operation *op) {
      if (auto conv = dyn_cast<ConvOp>(op); conv && isOfBytes(conv.getInput()))
        foldConv(conv, getKept);
      // (Sums of one factor alone pay where an instruction multiplies bytes.)
      if (auto product = dyn_cast<MatmulOp>(op);
          product && isOfBytes(product.getLhs()) && isOfBytes(product.getRhs()))
        foldMatmul(product, getKept);
    });
  }
};
} // namespace
