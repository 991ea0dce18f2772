//===- LaunchToCall.cpp - launches on buffers become calls ----------------===//

#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::pock {
#define GEN_PASS_DEF_LAUNCHTOCALL
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct LaunchToCall
    : public ::mlir::pock::impl::LaunchToCallBase<LaunchToCall> {
  using Base::Base;

  void runOnOperation() override {
    renameKernels();
    for (auto function : getOperation().getOps<func::FuncOp>())
      flattenEmptyArguments(function);
    SmallVector<LaunchOp> launches;
    getOperation().walk([&](LaunchOp op) { launches.push_back(op); });
    for (LaunchOp op : launches) {
      if (op.getNumResults() != 0) {
        op.emitOpError("expected buffers (pock-plan-memory)");
        return signalPassFailure();
      }
      OpBuilder builder(op);
      func::CallOp::create(builder, op.getLoc(), op.getCallee(), TypeRange(),
                           op.getOperands());
      op.erase();
    }
    for (auto function : getOperation().getOps<func::FuncOp>())
      lowerFailures(function);
    // Names as in the C header.
    if (auto prefix =
            getOperation()->getAttrOfType<StringAttr>(attribute::name))
      for (auto function : getOperation().getOps<func::FuncOp>())
        if (function.isPublic())
          function.setSymName(
              (prefix.getValue() + "_" + function.getSymName()).str());
    for (ParamOp param :
         llvm::make_early_inc_range(getOperation().getOps<ParamOp>()))
      param.erase();
  }

  /// Reduces the rank of arguments without entries to at most one: MLIR cannot
  /// convert empty buffers of higher rank to bare pointers, because their
  /// strides are zero.
  static void flattenEmptyArguments(func::FuncOp function) {
    SmallVector<Type> types;
    for (Type type : function.getArgumentTypes()) {
      auto buffer = dyn_cast<MemRefType>(type);
      if (buffer && buffer.hasStaticShape() && buffer.getNumElements() == 0)
        type = MemRefType::get({0}, buffer.getElementType());
      types.push_back(type);
    }
    if (!function.isExternal())
      for (auto [argument, type] : llvm::zip(function.getArguments(), types)) {
        if (llvm::all_of(argument.getUsers(), llvm::IsaPred<LaunchOp>))
          argument.setType(type);
        else
          type = argument.getType();
      }
    function.setType(FunctionType::get(function.getContext(), types,
                                       function.getResultTypes()));
  }

  /// Turns failures into branches to a block that returns their code.
  static void lowerFailures(func::FuncOp function) {
    SmallVector<FailIfOp> failures(function.getOps<FailIfOp>());
    if (failures.empty())
      return;
    Location loc = function.getLoc();
    OpBuilder builder(function.getContext());
    Block *exit =
        builder.createBlock(&function.getBody(), {}, builder.getI32Type(), loc);
    func::ReturnOp::create(builder, loc, exit->getArgument(0));
    for (FailIfOp failure : failures) {
      Block *before = failure->getBlock();
      Block *after = before->splitBlock(failure);
      builder.setInsertionPointToEnd(before);
      Value flag =
          memref::LoadOp::create(builder, failure.getLoc(), failure.getFlag());
      Value code = arith::ConstantIntOp::create(
          builder, failure.getLoc(), failure.getCode().value_or(1), 32);
      cf::CondBranchOp::create(builder, failure.getLoc(), flag, exit, code,
                               after, ValueRange());
      failure.erase();
    }
  }

  /// Gives kernels names that differ from those of the C library: a kernel
  /// named `tanh` would be the target of its own call of libm's `tanh`. Only
  /// launches refer to kernels.
  void renameKernels() {
    llvm::StringMap<StringAttr> fresh;
    // Also rename declarations, because their callers use the new name.
    for (auto kernel : getOperation().getOps<func::FuncOp>()) {
      if (!kernel->hasAttr(attribute::kernel))
        continue;
      auto name =
          StringAttr::get(&getContext(), "pock_kernel_" + kernel.getSymName());
      fresh[kernel.getSymName()] = name;
      kernel.setSymNameAttr(name);
    }
    getOperation().walk([&](LaunchOp launch) {
      if (StringAttr name = fresh.lookup(launch.getCallee()))
        launch.setCalleeAttr(FlatSymbolRefAttr::get(name));
    });
  }
};
} // namespace
