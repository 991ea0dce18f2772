//===- PackOperands.cpp - Copies of operands with long rows ---------------===//
//
// A tile of a product reads a few columns of all rows of its right operand. If
// that operand has many long rows, each row is in another page, and the next
// tile gets no hits in the cache. A copy, which `pock-localize-scratch` shrinks
// to a panel of columns, costs one pass over the operand.
//
// Needs bufferized kernels. Guarantees the same results.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "../Shared/NestFusion.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/PockUtils.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::pock {
#define GEN_PASS_DEF_PACKOPERANDS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Minimum length of a row: several shorter rows share a page.
constexpr int64_t kLongRow = 1024;
/// The minimum number of uses of a copied entry.
constexpr int64_t kFewestUses = 64;

/// Whether the input `access` of the only statement of `nest` is the right
/// operand of a product and should be copied.
bool wantsPacking(const Nest &nest, const Access &access, int64_t cache) {
  if (!access.root || !access.elementType.isIntOrFloat())
    return false;
  const Statement &statement = nest.statements.front();
  int64_t element = bytesOf(access.elementType), entries = 1, uses = 1,
          rowStride = 0;
  bool contiguous = false;
  for (auto [l, loop] : llvm::enumerate(nest.loops)) {
    int64_t stride = access.strides[l];
    if (stride == 0)
      uses *= loop.reduction ? 1 : loop.extent;
    else
      entries *= loop.extent;
    contiguous |= stride == 1 && !loop.reduction;
    if (loop.reduction && stride == 0)
      return false;
  }
  rowStride = access.strides[statement.reductions.back()];
  return contiguous && uses >= kFewestUses && rowStride * element >= kLongRow &&
         entries * element > cache;
}

struct PackOperands : impl::PackOperandsBase<PackOperands> {
  using Base::Base;

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      SmallVector<linalg::GenericOp> products;
      for (auto op : func.getBody().front().getOps<linalg::GenericOp>())
        if (op.getNumReductionLoops() && op.getNumDpsInputs() == 2)
          products.push_back(op);
      for (linalg::GenericOp op : products)
        pack(op, target.l2Bytes / 2);
    }
  }

private:
  static void pack(linalg::GenericOp op, int64_t cache) {
    std::optional<Nest> nest = buildNest(op);
    if (!nest || !nest->statements.front().isReduction())
      return;
    for (auto [i, access] : llvm::enumerate(nest->statements.front().ins)) {
      OpOperand &operand = *op.getDpsInputOperand(i);
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      // A temporary is a copy already.
      if (!type || !type.getLayout().isIdentity() ||
          !isa<BlockArgument>(access.root) ||
          !wantsPacking(*nest, access, cache))
        continue;
      OpBuilder b(op);
      Value copy = memref::AllocOp::create(b, op.getLoc(), type);
      linalg::CopyOp::create(b, op.getLoc(), operand.get(), copy);
      operand.set(copy);
      sinkFill(op);
    }
  }
};

} // namespace
} // namespace mlir::pock
