//===- FloatSums.cpp - Exact sums of products of bytes in f32 -------------===//
//
// Floats of 24 bits of precision represent all integers up to 2^24, so that a
// sum of products of bytes is exact in f32 while no partial sum is larger.
//
// Needs bufferized kernels whose sums in groups are made. Guarantees the same
// integers.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestFusion.h"
#include "../Shared/Slices.h"
#include "Isa/GroupProduct.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "SumOfProducts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FLOATSUMS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Larger integers may have no float.
constexpr int64_t kMostExact = int64_t(1) << 24;

/// The largest absolute value of a factor.
int64_t largest(const Factor &factor) {
  int64_t low = factor.isSignedByte() ? INT8_MIN : 0;
  int64_t high = factor.isSignedByte() ? INT8_MAX : UINT8_MAX;
  return std::max(std::abs(low - factor.zero), std::abs(high - factor.zero));
}

/// Whether all partial sums of `op` are exact in f32.
bool isExact(linalg::GenericOp op, const SumOfProducts &sum) {
  int64_t most = largest(sum.lhs) * largest(sum.rhs);
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (kind != utils::IteratorType::reduction)
      continue;
    int64_t extent = op.getStaticLoopRanges()[loop];
    if (ShapedType::isDynamic(extent) || llvm::MulOverflow(most, extent, most))
      return false;
  }
  return most <= kMostExact;
}

/// `byte`, minus the zero point of `factor`, in f32.
Value toFloat(OpBuilder &b, Location loc, const Factor &factor, Value byte) {
  Type f32 = b.getF32Type();
  Value real = factor.isSignedByte()
                   ? Value(arith::SIToFPOp::create(b, loc, f32, byte))
                   : Value(arith::UIToFPOp::create(b, loc, f32, byte));
  if (factor.zero == 0)
    return real;
  Value zero = arith::ConstantOp::create(
      b, loc, b.getF32FloatAttr(static_cast<float>(factor.zero)));
  return arith::SubFOp::create(b, loc, real, zero);
}

Value allocate(OpBuilder &b, Location loc, Value like) {
  ArrayRef<int64_t> shape = cast<MemRefType>(like.getType()).getShape();
  return memref::AllocOp::create(b, loc,
                                 MemRefType::get(shape, b.getF32Type()));
}

/// Replaces `op`, which computes `sum`.
void toFloats(linalg::GenericOp op, const SumOfProducts &sum) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  SmallVector<Value> inputs;
  const std::array<Factor, 2> factors{sum.lhs, sum.rhs};
  for (auto [i, operand] : llvm::enumerate(op.getDpsInputOperands())) {
    const Factor &factor = factors[i];
    inputs.push_back(operand->get());
    if (usesOf(op, *operand) < kFewestUses)
      continue;
    Value copy = allocate(b, loc, operand->get());
    buildElementwise(b, loc, operand->get(), copy,
                     [&](OpBuilder &b, Location loc, ValueRange args) {
                       return toFloat(b, loc, factor, args[0]);
                     });
    inputs.back() = copy;
  }
  Value out = op.getDpsInits()[0];
  Value sums = allocate(b, loc, out);
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  linalg::FillOp::create(b, loc, zero, sums);
  linalg::GenericOp::create(
      b, loc, inputs, sums, op.getIndexingMapsArray(),
      op.getIteratorTypesArray(),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        auto real = [&](const Factor &factor, Value value) {
          return value.getType().isF32() ? value
                                         : toFloat(b, loc, factor, value);
        };
        Value product = arith::MulFOp::create(b, loc, real(sum.lhs, args[0]),
                                              real(sum.rhs, args[1]));
        linalg::YieldOp::create(
            b, loc, Value(arith::AddFOp::create(b, loc, args[2], product)));
      });
  buildElementwise(b, loc, sums, out,
                   [&](OpBuilder &b, Location loc, ValueRange args) -> Value {
                     Value whole = arith::FPToSIOp::create(
                         b, loc, b.getI32Type(), args[0]);
                     return arith::AddIOp::create(b, loc, args[1], whole);
                   });
  op.erase();
}

struct FloatSums : impl::FloatSumsBase<FloatSums> {
  using Base::Base;

  void runOnOperation() override {
    if (!prefersFloatSums(TargetDescription::of(getOperation())))
      return;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      SmallVector<linalg::GenericOp> ops;
      func.walk([&](linalg::GenericOp op) { ops.push_back(op); });
      for (linalg::GenericOp op : ops) {
        std::optional<SumOfProducts> sum = matchSum(op);
        if (sum && sum->lhs.isByte() && sum->rhs.isByte() && isExact(op, *sum))
          toFloats(op, *sum);
      }
    }
  }
};

} // namespace
} // namespace mlir::pock
