//===- PackWords.cpp - Bits of four masks at a time -----------------------===//
//
// A mask is a byte, zero or one, for each entry; eight of them are packed to
// the bits of a byte (`pock-pack-masks`). Shifting a byte of a mask by less
// than eight places does not leave it, so processors without vectors do it for
// the four bytes of a word.
//
// Needs bufferized kernels. Guarantees the same bits. Handles masks whose rows
// are contiguous and have a multiple of four entries.
//
//===----------------------------------------------------------------------===//

#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Schedule.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"

namespace mlir::pock {
#define GEN_PASS_DEF_PACKWORDS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The loop whose index is the number of the bit, if the body of `op` is
/// `out | zext(in) << index`.
std::optional<unsigned> matchPacking(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1)
    return std::nullopt;
  Block &body = *op.getBody();
  auto merge =
      body.getTerminator()->getOperand(0).getDefiningOp<arith::OrIOp>();
  if (!merge || merge.getLhs() != body.getArgument(1))
    return std::nullopt;
  auto shift = merge.getRhs().getDefiningOp<arith::ShLIOp>();
  auto wide = shift ? shift.getLhs().getDefiningOp<arith::ExtUIOp>() : nullptr;
  auto cast =
      shift ? shift.getRhs().getDefiningOp<arith::IndexCastOp>() : nullptr;
  auto index = cast ? cast.getIn().getDefiningOp<linalg::IndexOp>() : nullptr;
  if (!wide || !index || wide.getIn() != body.getArgument(0) ||
      !wide.getIn().getType().isInteger(1) || !wide.getType().isInteger(8))
    return std::nullopt;
  return index.getDim();
}

/// The type of `buffer` in words; null if it has none.
MemRefType wordsOf(Value buffer) {
  return GroupViewOp::getGroupType(cast<MemRefType>(buffer.getType()));
}

/// Whether the last dimension of `operand` is the last loop.
bool endsInLastLoop(linalg::GenericOp op, OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  return map.isProjectedPermutation() && map.getNumResults() > 0 &&
         map.getDimPosition(map.getNumResults() - 1) == op.getNumLoops() - 1;
}

/// Packs the words of `op`, and clears the words of its result.
void pack(linalg::GenericOp op, unsigned bits) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value in = op.getDpsInputs()[0], out = op.getDpsInits()[0];
  auto clear = dyn_cast_or_null<linalg::LinalgOp>(op->getPrevNode());
  Value masks = GroupViewOp::create(b, loc, wordsOf(in), in);
  Value packed = GroupViewOp::create(b, loc, wordsOf(out), out);
  linalg::GenericOp::create(
      b, loc, masks, packed, op.getIndexingMapsArray(),
      op.getIteratorTypesArray(),
      [&](OpBuilder &b, Location loc, ValueRange args) {
        Value place = arith::IndexCastOp::create(
            b, loc, b.getI32Type(), linalg::IndexOp::create(b, loc, bits));
        Value moved = arith::ShLIOp::create(b, loc, args[0], place);
        Value merged = arith::OrIOp::create(b, loc, args[1], moved);
        linalg::YieldOp::create(b, loc, merged);
      });
  // In words, clearing shares the loops of packing.
  if (clear && clear.getNumDpsInits() == 1 && clear.getDpsInits()[0] == out &&
      clear.getNumDpsInputs() == 1 &&
      matchPattern(clear.getDpsInputs()[0], m_Zero())) {
    b.setInsertionPointAfter(packed.getDefiningOp());
    Value zero = arith::ConstantIntOp::create(b, loc, b.getI32Type(), 0);
    linalg::FillOp::create(b, loc, zero, packed);
    clear.erase();
  }
  op.erase();
}

struct PackWords : impl::PackWordsBase<PackWords> {
  using Base::Base;

  void runOnOperation() override {
    if (!usesGroups(TargetDescription::of(getOperation())))
      return;
    for (func::FuncOp func : kernelsOf(getOperation()))
      for (auto op : llvm::make_early_inc_range(
               func.getBody().front().getOps<linalg::GenericOp>())) {
        std::optional<unsigned> bits = matchPacking(op);
        if (bits && *bits + 1 < op.getNumLoops() &&
            endsInLastLoop(op, op->getOpOperand(0)) &&
            endsInLastLoop(op, op->getOpOperand(1)) &&
            wordsOf(op->getOperand(0)) && wordsOf(op->getOperand(1)))
          pack(op, *bits);
      }
  }
};

} // namespace
} // namespace mlir::pock
