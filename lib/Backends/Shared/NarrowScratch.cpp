//===- NarrowScratch.cpp - Temporaries of bf16 values in bf16 -------------===//
//
// Kernels widen bf16 operands first, also before they copy them to a temporary,
// for example to add a border or to transpose. This pass stores bf16 in such
// temporaries and lets their readers widen.
//
// Needs bufferized kernels. Guarantees the same results: a temporary is
// narrowed only if all values written to it were widened from bf16.
//
//===----------------------------------------------------------------------===//

#include "NestFusion.h"
#include "Pock/Backends/Shared/Passes.h"
#include "Pock/IR/Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

namespace mlir::pock {
#define GEN_PASS_DEF_NARROWSCRATCH
#include "Pock/Backends/Shared/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The users of a temporary.
struct Users {
  /// The temporary and all views of it.
  SmallVector<Value> buffers;
  SmallVector<OpOperand *> reads, writes;
};

/// Collects the users of `buffer`; false if a user is neither a view nor a
/// linalg.generic.
bool collectUsers(Value buffer, Users &users) {
  users.buffers.push_back(buffer);
  for (OpOperand &use : buffer.getUses()) {
    Operation *user = use.getOwner();
    if (isa<memref::SubViewOp, memref::CollapseShapeOp, memref::ExpandShapeOp>(
            user)) {
      if (!collectUsers(user->getResult(0), users))
        return false;
      continue;
    }
    auto op = dyn_cast<linalg::GenericOp>(user);
    if (!op)
      return false;
    (op.isDpsInit(&use) ? users.writes : users.reads).push_back(&use);
  }
  return true;
}

BlockArgument argumentOf(OpOperand &operand) {
  return cast<linalg::GenericOp>(operand.getOwner())
      .getMatchingBlockArgument(&operand);
}

/// The operand of the terminator that is the result for the out `write`.
OpOperand &yieldOf(OpOperand &write) {
  auto op = cast<linalg::GenericOp>(write.getOwner());
  return op.getBody()->getTerminator()->getOpOperand(write.getOperandNumber() -
                                                     op.getNumDpsInputs());
}

/// Whether `value`, of the body of a linalg.generic, is a constant that bf16
/// represents.
bool isNarrowConstant(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto op = cast<linalg::GenericOp>(argument.getOwner()->getParentOp());
    value = op->getOperand(argument.getArgNumber());
  }
  APFloat constant(0.0f);
  if (!matchPattern(value, m_ConstantFloat(&constant)))
    return false;
  bool loses = false;
  (void)constant.convert(APFloat::BFloat(), APFloat::rmNearestTiesToEven,
                         &loses);
  return !loses;
}

bool isWidened(Value value) {
  auto extend = value.getDefiningOp<arith::ExtFOp>();
  return extend && extend.getIn().getType().isBF16();
}

bool holdsNarrowValues(const Users &users) {
  bool widens = false;
  for (OpOperand *write : users.writes) {
    Value value = yieldOf(*write).get();
    if (!argumentOf(*write).use_empty() ||
        !(isWidened(value) || isNarrowConstant(value)))
      return false;
    widens |= isWidened(value);
  }
  return widens;
}

void narrow(const Users &users) {
  Type bf16 = BFloat16Type::get(users.buffers[0].getContext());
  for (Value buffer : users.buffers)
    buffer.setType(MemRefType::Builder(cast<MemRefType>(buffer.getType()))
                       .setElementType(bf16));
  for (OpOperand *write : users.writes) {
    argumentOf(*write).setType(bf16);
    OpOperand &yield = yieldOf(*write);
    OpBuilder b(yield.getOwner());
    if (auto extend = yield.get().getDefiningOp<arith::ExtFOp>())
      yield.set(extend.getIn());
    else
      yield.set(arith::TruncFOp::create(b, write->getOwner()->getLoc(), bf16,
                                        yield.get()));
  }
  for (OpOperand *read : users.reads) {
    BlockArgument argument = argumentOf(*read);
    Type wide = argument.getType();
    argument.setType(bf16);
    auto b = OpBuilder::atBlockBegin(argument.getOwner());
    auto extend =
        arith::ExtFOp::create(b, read->getOwner()->getLoc(), wide, argument);
    argument.replaceAllUsesExcept(extend, extend);
  }
}

struct NarrowScratch : impl::NarrowScratchBase<NarrowScratch> {
  using Base::Base;

  void runOnOperation() override {
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      func.walk([](memref::AllocOp alloc) {
        Users users;
        if (alloc.getType().getElementType().isF32() &&
            collectUsers(alloc, users) && holdsNarrowValues(users))
          narrow(users);
      });
    }
  }
};

} // namespace
} // namespace mlir::pock
