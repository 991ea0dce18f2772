//===- VectorizeKernels.cpp - Linalg on memrefs -> loops over vectors -----===//
//
// Needs bufferized kernels (`pock-bufferize-kernels`, `pock-place-scratch`).
// Guarantees that no linalg operation is left in them. Analysis is in Nest,
// grouping in NestFusion, the choice of tiles in Schedule, emission in
// NestEmitter and NestBody.
//
// Operations whose indexing is not linear become scalar loops. Errors: dynamic
// shapes, temporaries that were neither placed nor kept in registers.
//
//===----------------------------------------------------------------------===//

#include "../Shared/NestFusion.h"
#include "../Shared/NestWork.h"
#include "NestEmitter.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::pock {
#define GEN_PASS_DEF_VECTORIZEKERNELS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Lowers operations that nests cannot express to scalar loops.
void lowerRest(func::FuncOp func) {
  IRRewriter rewriter(func.getContext());
  func.walk([&](linalg::LinalgOp op) {
    rewriter.setInsertionPoint(op);
    if (succeeded(linalg::linalgOpToLoops(rewriter, op)))
      rewriter.eraseOp(op);
  });
}

/// Rejects readers of padded views that are in no nest, because they would read
/// the border.
LogicalResult verifyBorders(func::FuncOp func) {
  WalkResult result = func.walk([](PaddedViewOp op) {
    op.emitOpError("has a border without memory, which its reader does not "
                   "leave out");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// Rejects operations that must not be left.
LogicalResult verifyResult(func::FuncOp func) {
  WalkResult result = func.walk([](Operation *op) {
    if (isa<linalg::LinalgOp>(op)) {
      op->emitError("cannot be turned into loops in a kernel");
      return WalkResult::interrupt();
    }
    if (isa<memref::AllocOp>(op)) {
      op->emitError("temporary has no memory; run 'pock-place-scratch' before");
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Removes the attribute with the kernel's tile, and returns the tile.
FailureOr<std::optional<Tile>> takeTile(func::FuncOp func) {
  Attribute attr = func->removeAttr(attribute::tile);
  if (!attr)
    return std::optional<Tile>();
  auto tile = dyn_cast<DenseI64ArrayAttr>(attr);
  if (!tile || tile.size() != 2)
    return func.emitOpError("expected 'pock.tile' to be 'array<i64: rows, "
                            "vectors>', but got ")
           << attr;
  return std::optional<Tile>(Tile{tile[0], tile[1]});
}

/// Declares the functions that parallel regions call.
void declareThreadFunctions(ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto type = b.getFunctionType({}, b.getI32Type());
  for (StringRef name : {kThreadNumber, kThreadCount})
    if (!module.lookupSymbol(name))
      func::FuncOp::create(b, module.getLoc(), name, type).setPrivate();
}

struct VectorizeKernels : impl::VectorizeKernelsBase<VectorizeKernels> {
  using Base::Base;

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    if (vectorBytes >= 0)
      target.vectorBytes = vectorBytes;
    bool parallel = false;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      generalizeAll(func);
      SmallVector<Nest, 0> nests = formNests(func, fuse);
      DenseSet<Operation *> registers = findRegisterTemporaries(nests);
      FailureOr<std::optional<Tile>> tile = takeTile(func);
      if (failed(tile))
        return signalPassFailure();
      size_t tuned = *tile ? findMainNest(nests) : nests.size();
      for (auto [i, nest] : llvm::enumerate(nests)) {
        mergeLoops(nest);
        Schedule schedule =
            chooseSchedule(nest, target, i == tuned ? *tile : std::nullopt);
        if (i == tuned && !(schedule.tile() == **tile))
          func.emitWarning("ignores 'pock.tile' of kernel '")
              << func.getSymName() << "': no schedule has " << (*tile)->rows
              << " rows of " << (*tile)->vectors << " vectors";
        parallel |= schedule.threadLoop >= 0;
        // Insert after the last operation, where all operands are defined: only
        // views and constants are between the operations of a nest.
        OpBuilder b(nest.statements.back().op);
        emitNest(b, nest, schedule, registers);
        for (Statement &statement : nest.statements)
          statement.op.erase();
      }
      eraseDeadOps(func);
      if (failed(verifyBorders(func)))
        return signalPassFailure();
      lowerRest(func);
      eraseDeadOps(func);
      if (failed(verifyResult(func)))
        return signalPassFailure();
    }
    if (parallel)
      declareThreadFunctions(getOperation());
  }
};

} // namespace
} // namespace mlir::pock
