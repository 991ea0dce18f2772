//===- LoadMultiple.cpp - One instruction for a group of registers --------===//
//
// `vldmia` loads consecutive registers. LLVM forms it after the allocation of
// registers, where these happen to be consecutive; in tiles of products they
// hardly ever are. Inline assembly with fixed registers decides before. A loop
// that reads groups one behind the other advances the pointer with the same
// instruction.
//
// Needs the LLVM dialect. Guarantees the same results.
//
//===----------------------------------------------------------------------===//

#include "Pock/Backends/Cpu/Passes.h"
#include "TargetDescription.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/TargetParser/Triple.h"

namespace mlir::pock {
#define GEN_PASS_DEF_LOADMULTIPLE
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// The first register of groups: those before hold sums. Functions keep these
/// registers, so that calls do not matter.
constexpr int64_t kFirst = 16, kLast = 32;

/// Whether the target has `vldmia` for registers of f32, and no wider ones.
bool hasLoadMultiple(const TargetDescription &target) {
  llvm::Triple triple(target.triple);
  return triple.isThumb() && target.vectorBytes == 0 &&
         triple.getEnvironment() == llvm::Triple::EABIHF;
}

/// The number of entries of a group that `load` loads, if they are used one by
/// one; 0 for other loads.
int64_t sizeOfGroup(LLVM::LoadOp load) {
  auto type = dyn_cast<VectorType>(load.getType());
  if (!type || !type.getElementType().isF32() ||
      (type.getNumElements() != 4 && type.getNumElements() != 8))
    return 0;
  bool single = llvm::all_of(load->getUsers(), [](Operation *user) {
    auto extract = dyn_cast<LLVM::ExtractElementOp>(user);
    return extract && extract.getPosition().getDefiningOp<LLVM::ConstantOp>();
  });
  return single ? type.getNumElements() : 0;
}

/// A loop of two blocks: `header` tests, and `body` returns to it.
struct TwoBlockLoop {
  Block *header, *body;
  LLVM::BrOp entry, back;

  bool contains(Value value) const {
    Block *block = value.getParentBlock();
    return block == header || block == body;
  }
};

std::optional<TwoBlockLoop> findLoop(Block *body) {
  auto back = dyn_cast<LLVM::BrOp>(body->getTerminator());
  if (!back || !body->getSinglePredecessor())
    return std::nullopt;
  Block *header = back.getDest();
  if (body->getSinglePredecessor() != header)
    return std::nullopt;
  LLVM::BrOp entry;
  for (Block *before : header->getPredecessors()) {
    if (before == body)
      continue;
    if (entry)
      return std::nullopt;
    entry = dyn_cast<LLVM::BrOp>(before->getTerminator());
    if (!entry)
      return std::nullopt;
  }
  if (!entry)
    return std::nullopt;
  return TwoBlockLoop{header, body, entry, back};
}

std::optional<int64_t> constantOf(Value value) {
  auto op = value.getDefiningOp<LLVM::ConstantOp>();
  auto attr = op ? dyn_cast<IntegerAttr>(op.getValue()) : IntegerAttr();
  return attr ? std::optional<int64_t>(attr.getInt()) : std::nullopt;
}

/// By how much `value` grows in each iteration; nothing if that is not known.
std::optional<int64_t> growthOf(Value value, const TwoBlockLoop &loop) {
  if (!loop.contains(value) || constantOf(value))
    return 0;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() != loop.header)
      return std::nullopt;
    LLVM::BrOp back = loop.back;
    auto next = back.getDestOperands()[argument.getArgNumber()]
                    .getDefiningOp<LLVM::AddOp>();
    return next && next.getLhs() == value ? constantOf(next.getRhs())
                                          : std::nullopt;
  }
  Operation *op = value.getDefiningOp();
  if (auto add = dyn_cast<LLVM::AddOp>(op)) {
    auto lhs = growthOf(add.getLhs(), loop), rhs = growthOf(add.getRhs(), loop);
    return lhs && rhs ? std::optional<int64_t>(*lhs + *rhs) : std::nullopt;
  }
  if (auto mul = dyn_cast<LLVM::MulOp>(op)) {
    auto lhs = growthOf(mul.getLhs(), loop), rhs = constantOf(mul.getRhs());
    return lhs && rhs ? std::optional<int64_t>(*lhs * *rhs) : std::nullopt;
  }
  if (isMemoryEffectFree(op) && llvm::all_of(op->getOperands(), [&](Value v) {
        return growthOf(v, loop) == 0;
      }))
    return 0;
  return std::nullopt;
}

/// `value` in the first iteration of `loop`, computed before the loop.
Value firstOf(OpBuilder &b, Value value, const TwoBlockLoop &loop) {
  if (!loop.contains(value))
    return value;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    LLVM::BrOp entry = loop.entry;
    return entry.getDestOperands()[argument.getArgNumber()];
  }
  Operation *op = value.getDefiningOp();
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, firstOf(b, operand, loop));
  return b.clone(*op, mapping)->getResult(0);
}

/// The pointer of `load` as an argument of its loop, if the next iteration
/// reads the next `count` entries.
Value carryPointer(LLVM::LoadOp load, int64_t count) {
  std::optional<TwoBlockLoop> loop = findLoop(load->getBlock());
  auto address = load.getAddr().getDefiningOp<LLVM::GEPOp>();
  if (!loop || !address || growthOf(address.getBase(), *loop) != 0 ||
      address.getDynamicIndices().size() != 1 ||
      address.getRawConstantIndices().size() != 1 ||
      !address.getElemType().isF32() ||
      growthOf(address.getDynamicIndices()[0], *loop) != count)
    return {};
  OpBuilder b(loop->entry);
  Value first = firstOf(b, address, *loop);
  loop->entry.getDestOperandsMutable().append(first);
  return loop->header->addArgument(first.getType(), load.getLoc());
}

void replace(LLVM::LoadOp load, int64_t count, int64_t first) {
  Location loc = load.getLoc();
  Value carried = carryPointer(load, count);
  OpBuilder b(load);
  std::string code = "vldmia $" + std::to_string(count) +
                     (carried ? "!, {" : ", {"),
              constraints;
  for (int64_t i = 0; i < count; ++i) {
    code += (i ? ", $" : "$") + std::to_string(i);
    constraints += "={s" + std::to_string(first + i) + "},";
  }
  SmallVector<Type> types(count, b.getF32Type());
  if (carried) {
    types.push_back(carried.getType());
    constraints += "=r," + std::to_string(count);
  } else {
    constraints += "r";
  }
  auto result = LLVM::InlineAsmOp::create(
      b, loc, LLVM::LLVMStructType::getLiteral(b.getContext(), types),
      carried ? carried : load.getAddr(), code + "}",
      constraints + ",~{memory}",
      /*has_side_effects=*/false, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
      ArrayAttr());
  if (carried) {
    Value next = LLVM::ExtractValueOp::create(b, loc, result.getRes(), count);
    cast<LLVM::BrOp>(load->getBlock()->getTerminator())
        .getDestOperandsMutable()
        .append(next);
  }
  for (Operation *user : llvm::make_early_inc_range(load->getUsers())) {
    auto extract = cast<LLVM::ExtractElementOp>(user);
    b.setInsertionPoint(extract);
    extract.replaceAllUsesWith(
        LLVM::ExtractValueOp::create(b, loc, result.getRes(),
                                     *constantOf(extract.getPosition()))
            .getResult());
    extract.erase();
  }
  load.erase();
}

struct LoadMultiple : impl::LoadMultipleBase<LoadMultiple> {
  using Base::Base;

  void runOnOperation() override {
    if (!hasLoadMultiple(TargetDescription::of(getOperation())))
      return;
    getOperation().walk([](Block *block) {
      int64_t first = kFirst;
      for (auto load :
           llvm::make_early_inc_range(block->getOps<LLVM::LoadOp>()))
        if (int64_t count = sizeOfGroup(load)) {
          if (first + count > kLast)
            first = kFirst;
          replace(load, count, first);
          first += count;
        }
    });
  }
};

} // namespace
} // namespace mlir::pock
