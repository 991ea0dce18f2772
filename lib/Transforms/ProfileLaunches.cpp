//===- ProfileLaunches.cpp - read the clock around every launch -----------===//
//
// Needs a module at stage `plan`. Each public function that launches gets one
// more argument, which receives the readings; nothing else of what it computes
// changes. Does not handle hosts whose `struct timespec` is not two 64-bit
// numbers.
//
// Two readings stand before the first launch: their difference is what a
// reading costs, measured where it is paid.
//
//===----------------------------------------------------------------------===//

#include "Pock/Codegen/TargetDescription.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Pock.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::pock {
#define GEN_PASS_DEF_PROFILELAUNCHES
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
struct ProfileLaunches
    : public ::mlir::pock::impl::ProfileLaunchesBase<ProfileLaunches> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !launchesOf(function).empty())
        functions.push_back(function);
    if (functions.empty())
      return;
    if (failed(check(functions)))
      return signalPassFailure();
    func::FuncOp clock = makeClock();
    for (func::FuncOp function : functions)
      instrument(function, clock);
  }

  static SmallVector<LaunchOp> launchesOf(func::FuncOp function) {
    return SmallVector<LaunchOp>(function.getOps<LaunchOp>());
  }

  LogicalResult check(ArrayRef<func::FuncOp> functions) {
    TargetDescription target = TargetDescription::of(getOperation());
    if (target.indexBits != 64)
      return getOperation().emitError("expected a 64-bit target to profile, "
                                      "but got 'index_bits' = ")
             << target.indexBits;
    for (func::FuncOp function : functions)
      for (LaunchOp launch : launchesOf(function))
        if (launch.getNumResults() != 0)
          return launch.emitOpError("expected buffers (pock-plan-memory)");
    return success();
  }

  /// `() -> i64`: nanoseconds by the C library's monotonic clock. A function of
  /// its own keeps the stack buffer in one place.
  func::FuncOp makeClock() {
    Location loc = UnknownLoc::get(&getContext());
    auto builder = OpBuilder::atBlockEnd(getOperation().getBody());
    Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
    auto timespec = MemRefType::get({2}, i64);
    auto library =
        func::FuncOp::create(builder, loc, "clock_gettime",
                             builder.getFunctionType({i32, timespec}, {i32}));
    library.setPrivate();
    auto clock = func::FuncOp::create(builder, loc, "pock_clock",
                                      builder.getFunctionType({}, {i64}));
    clock.setPrivate();
    builder.setInsertionPointToEnd(clock.addEntryBlock());
    auto read = [&](Value buffer, int64_t index) -> Value {
      Value at = arith::ConstantIndexOp::create(builder, loc, index);
      return memref::LoadOp::create(builder, loc, buffer, at);
    };
    Value monotonic = arith::ConstantIntOp::create(builder, loc, 1, 32);
    Value buffer = memref::AllocaOp::create(builder, loc, timespec);
    func::CallOp::create(builder, loc, library, ValueRange{monotonic, buffer});
    Value second =
        arith::ConstantIntOp::create(builder, loc, 1'000'000'000, 64);
    Value whole = arith::MulIOp::create(builder, loc, read(buffer, 0), second);
    Value now = arith::AddIOp::create(builder, loc, whole, read(buffer, 1));
    func::ReturnOp::create(builder, loc, now);
    return clock;
  }

  void instrument(func::FuncOp function, func::FuncOp clock) {
    SmallVector<LaunchOp> launches = launchesOf(function);
    OpBuilder builder(launches.front());
    auto type = MemRefType::get({static_cast<int64_t>(launches.size()) + 2},
                                builder.getI64Type());
    unsigned last = function.getNumArguments();
    auto attributes = builder.getDictionaryAttr(
        builder.getNamedAttr(attribute::profile, builder.getUnitAttr()));
    // Only an external function cannot take an argument.
    (void)function.insertArgument(last, type, attributes, function.getLoc());
    Value times = function.getArgument(last);
    auto read = [&](int64_t index) {
      Location loc = function.getLoc();
      Value now =
          func::CallOp::create(builder, loc, clock, ValueRange()).getResult(0);
      Value at = arith::ConstantIndexOp::create(builder, loc, index);
      memref::StoreOp::create(builder, loc, now, times, at);
    };
    read(0);
    read(1);
    for (auto [index, launch] : llvm::enumerate(launches)) {
      builder.setInsertionPointAfter(launch);
      read(index + 2);
    }
  }
};
} // namespace
