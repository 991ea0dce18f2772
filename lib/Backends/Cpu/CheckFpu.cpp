//===- CheckFpu.cpp - let @init say that the FPU is off -------------------===//
//
// Needs `@init`, which returns i32; a module without it stays as it is. Adds a
// return of `kFpuOff` to its beginning, on targets whose code uses registers of
// a floating-point unit that programs switch on.
//
// Does not check the unit's settings: rounding to nearest, denormal numbers
// kept. Those of reset are the right ones.
//
//===----------------------------------------------------------------------===//

#include "Pock/Backends/Cpu/Passes.h"
#include "TargetMachine.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/TargetParser/Triple.h"

namespace mlir::pock {
#define GEN_PASS_DEF_CHECKFPU
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

namespace {
/// The code that `@init` returns. All other codes are from 1 on, and differ
/// from model to model. (`FPU_OFF` in python/pockmlir/artifact/failures.py.)
constexpr int32_t kFpuOff = -1;

/// Address of Arm's "coprocessor access control register". The units 10 and 11
/// are the FPU, with Helium; the lower bit of two says that code with
/// privileges may use them.
constexpr uint32_t kCpacr = 0xE000ED88, kCpacrOn = 1u << 20 | 1u << 22;

/// The field FS of RISC-V's `mstatus`: 0 is off.
constexpr uint32_t kMstatusFs = 3u << 13;

struct CheckFpu : public ::mlir::pock::impl::CheckFpuBase<CheckFpu> {
  using Base::Base;

  void runOnOperation() override {
    TargetDescription target = TargetDescription::of(getOperation());
    auto init = getOperation().lookupSymbol<func::FuncOp>("init");
    if (!init || init.isExternal() || floatUnitOf(target).empty())
      return;
    Block *entry = &init.getBody().front();
    Block *rest = entry->splitBlock(entry->begin());
    Block *off = new Block;
    init.getBody().push_back(off);
    auto b = ImplicitLocOpBuilder::atBlockEnd(init.getLoc(), entry);
    Value isOn = tripleOf(target).isRISCV() ? readMstatus(b) : readCpacr(b);
    cf::CondBranchOp::create(b, isOn, rest, off);
    b.setInsertionPointToEnd(off);
    Value code = constant(b, static_cast<uint32_t>(kFpuOff));
    func::ReturnOp::create(b, code);
  }

  static Value constant(ImplicitLocOpBuilder &b, uint32_t value) {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  }

  /// Whether the FPU is on. Reads are volatile: programs change the register.
  static Value readCpacr(ImplicitLocOpBuilder &b) {
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    Value address = LLVM::IntToPtrOp::create(b, pointer, constant(b, kCpacr));
    Value found = LLVM::LoadOp::create(b, b.getI32Type(), address,
                                       /*alignment=*/4, /*isVolatile=*/true);
    Value on = constant(b, kCpacrOn);
    Value bits = arith::AndIOp::create(b, found, on);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bits, on);
  }

  static Value readMstatus(ImplicitLocOpBuilder &b) {
    Value found =
        LLVM::InlineAsmOp::create(
            b, b.getI32Type(), ValueRange(), "csrr $0, mstatus", "=r",
            /*has_side_effects=*/true, /*is_align_stack=*/false,
            LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
            .getRes();
    Value bits = arith::AndIOp::create(b, found, constant(b, kMstatusFs));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bits,
                                 constant(b, 0));
  }
};
} // namespace
