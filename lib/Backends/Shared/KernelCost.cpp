//===- KernelCost.cpp - operations and bytes of a kernel ------------------===//
//
// Computes costs from the linalg ops of stage `plan`. They are the work of the
// model, and do not depend on code generation.
//
//===----------------------------------------------------------------------===//

#include "Pock/Backends/Shared/KernelCost.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/ByteOps.h"

#include "Pock/IR/ElementTypes.h"
#include "Pock/IR/Pock.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::pock;

/// How often a launch runs `op`: the product of the loops around it.
static int64_t runsOf(Operation *op) {
  int64_t runs = 1;
  for (Operation *parent = op->getParentOp(); !isa<func::FuncOp>(parent);
       parent = parent->getParentOp()) {
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(parent))
      for (int64_t range : linalgOp.getStaticLoopRanges())
        runs *= range;
    else if (auto loop = dyn_cast<LoopLikeOpInterface>(parent))
      if (std::optional<APInt> count = loop.getStaticTripCount())
        runs *= count->getSExtValue();
  }
  return runs;
}

/// Arithmetic operations of `op` on one element.
static int64_t operationsOf(Operation *op) {
  if (auto dot = dyn_cast<DotOp>(op))
    return 2 * dot.getGroup();
  if (isa<MultiplyHalvesOp>(op))
    return 2;
  if (auto dot = dyn_cast<DotQuadsOp>(op))
    return 2 * static_cast<int64_t>(dot.getTerms()) * dot.getSums().size();
  if (auto dot = dyn_cast<DotLanesOp>(op))
    return 2 * cast<VectorType>(dot.getLhs().getType()).getNumElements();
  if (isa<math::FmaOp>(op))
    return 2;
  // Index arithmetic does not count.
  if (op->getNumResults() != 1 || !isNumber(op->getResult(0).getType()))
    return 0;
  bool floats = isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
                    arith::RemFOp, arith::NegFOp, arith::MaximumFOp,
                    arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp>(op);
  bool integers =
      isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivSIOp,
          arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::MaxSIOp,
          arith::MaxUIOp, arith::MinSIOp, arith::MinUIOp>(op);
  return floats || integers || isa<math::MathDialect>(op->getDialect());
}

namespace {
/// Follows the arguments of a kernel through its views, in program order.
class Traffic {
public:
  explicit Traffic(func::FuncOp kernel) {
    unsigned count = kernel.getNumArguments();
    count -= kernel->hasAttr(attribute::workspace); // the last one
    for (BlockArgument argument : kernel.getArguments().take_front(count)) {
      arguments[argument] = argument.getArgNumber();
      moved.push_back({bytesOf(argument.getType())});
    }
    kernel.walk<WalkOrder::PreOrder>([&](Operation *op) { visit(op); });
  }

  void addTo(KernelCost &cost) const {
    for (const Argument &argument : moved) {
      cost.bytesRead += std::min(argument.read, argument.size);
      cost.bytesWritten += std::min(argument.written, argument.size);
    }
  }

private:
  struct Argument {
    int64_t size, read = 0, written = 0;
  };

  void visit(Operation *op) {
    if (auto view = dyn_cast<ViewLikeOpInterface>(op)) {
      auto source = arguments.find(view.getViewSource());
      if (source != arguments.end()) {
        unsigned number = source->second;
        arguments[view.getViewDest()] = number;
      }
    } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
      for (OpOperand &operand : linalgOp->getOpOperands())
        if (linalgOp.payloadUsesValueFromOperand(&operand))
          read(op, operand.get());
      for (Value init : linalgOp.getDpsInits())
        write(op, init);
    } else if (auto load = dyn_cast<memref::LoadOp>(op)) {
      read(op, load.getMemRef(), load.getType());
    } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
      write(op, store.getMemRef(), store.getValueToStore().getType());
    } else if (auto word = dyn_cast<LoadWordOp>(op)) {
      read(op, word.getSource(), word.getType());
    } else if (auto dot = dyn_cast<DotQuadsOp>(op)) {
      read(op, dot.getRow());
    } else if (auto load = dyn_cast<vector::LoadOp>(op)) {
      read(op, load.getBase(), load.getType());
    } else if (auto load = dyn_cast<vector::MaskedLoadOp>(op)) {
      read(op, load.getBase(), load.getType());
    } else if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      read(op, copy.getSource());
      write(op, copy.getTarget());
    }
  }

  /// Counts a read, except of elements that the kernel has written itself.
  void read(Operation *op, Value buffer, Type element = {}) {
    auto it = arguments.find(buffer);
    if (it != arguments.end() && moved[it->second].written == 0)
      moved[it->second].read += volume(op, buffer, element);
  }

  void write(Operation *op, Value buffer, Type element = {}) {
    auto it = arguments.find(buffer);
    if (it != arguments.end())
      moved[it->second].written += volume(op, buffer, element);
  }

  /// The most bytes that all runs of `op` access, each a view or one element.
  static int64_t volume(Operation *op, Value buffer, Type element) {
    return bytesOf(element ? element : buffer.getType()) * runsOf(op);
  }

  DenseMap<Value, unsigned> arguments;
  SmallVector<Argument> moved;
};
} // namespace

KernelCost mlir::pock::costOf(func::FuncOp kernel) {
  KernelCost cost;
  kernel.walk([&](Operation *op) {
    if (int64_t operations = operationsOf(op))
      cost.flops += operations * runsOf(op);
  });
  Traffic(kernel).addTo(cost);
  return cost;
}
