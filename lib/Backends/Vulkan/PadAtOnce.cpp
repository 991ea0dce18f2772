//===- PadAtOnce.cpp - Padded copies as one operation ---------------------===//
//
// Each side of the border of a padded operand is filled, and the operand is
// copied into the rest. Each of these operations would be a dispatch of few
// threads.
//
// Needs bufferized kernels. Guarantees that such a buffer is written by one
// operation, in which each point reads its entry of the operand, or is a part
// of the border.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "../Shared/PaddedCopy.h"
#include "Pock/Backends/Vulkan/Passes.h"
#include "Pock/IR/Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {
#define GEN_PASS_DEF_PADATONCE
#include "Pock/Backends/Vulkan/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The value at the point of the operation that is being built.
Value emitPoint(OpBuilder &b, Location loc, PaddedCopy &padding) {
  Value source = padding.getSource();
  auto type = cast<MemRefType>(source.getType());
  Value inside;
  SmallVector<Value> indices;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    Value index = linalg::IndexOp::create(b, loc, d);
    if (padding.low[d] == 0 && padding.high[d] == 0) {
      indices.push_back(index);
      continue;
    }
    Value low = arith::ConstantIndexOp::create(b, loc, padding.low[d]);
    Value size = arith::ConstantIndexOp::create(b, loc, type.getDimSize(d));
    // Without a sign, what is before the operand is also behind it.
    Value place = arith::SubIOp::create(b, loc, index, low);
    Value fits =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, place, size);
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    indices.push_back(arith::SelectOp::create(b, loc, fits, place, zero));
    inside = inside ? arith::AndIOp::create(b, loc, inside, fits) : fits;
  }
  Value read = memref::LoadOp::create(b, loc, source, indices);
  Value border = arith::ConstantOp::create(b, loc, padding.value);
  return arith::SelectOp::create(b, loc, inside, read, border);
}

void padAtOnce(TypedValue<MemRefType> buffer) {
  std::optional<PaddedCopy> padding =
      findPaddedCopy(buffer, /*throughViews=*/true);
  int64_t rank = buffer.getType().getRank();
  if (!padding || padding->fills.empty() ||
      cast<MemRefType>(padding->getSource().getType()).getRank() != rank)
    return;
  OpBuilder b(padding->copy.getOperation());
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  linalg::GenericOp::create(b, padding->copy->getLoc(), ValueRange(),
                            ValueRange(buffer), b.getMultiDimIdentityMap(rank),
                            loops, [&](OpBuilder &b, Location loc, ValueRange) {
                              linalg::YieldOp::create(
                                  b, loc, emitPoint(b, loc, *padding));
                            });
  padding->copy->erase();
  for (linalg::LinalgOp fill : padding->fills)
    fill->erase();
}

struct PadAtOnce : impl::PadAtOnceBase<PadAtOnce> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp kernel : kernelsOf(getOperation())) {
      for (BlockArgument argument : kernel.getArguments())
        if (auto buffer = dyn_cast<TypedValue<MemRefType>>(Value(argument)))
          padAtOnce(buffer);
      kernel.walk([](memref::AllocOp alloc) { padAtOnce(alloc); });
      eraseDeadOps(kernel);
    }
  }
};

} // namespace
} // namespace mlir::pock
