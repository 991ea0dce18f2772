//===- PackOperands.cpp - Copies of operands that caches do not like ------===//
//
// A tile of a product reads a few columns of its right operand from top to
// bottom. If the rows of that operand are long and many, each of them is a page
// of its own, and the next tile finds nothing in the cache. A copy, which
// `pock-localize-scratch` shrinks to a panel of columns, costs one pass.
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

/// Rows shorter than this share pages well enough.
constexpr int64_t kLongRow = 1024;
/// How often at least a copied entry is used.
constexpr int64_t kFewestUses = 64;

/// Whether the input `access` of the only statement of `nest` is the right
/// operand of a product, as large as described above.
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
      // What is a temporary already is a copy.
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
