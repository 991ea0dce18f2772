//===- MergeKernels.cpp - One function for kernels that differ in numbers -===//
//
// Layers of one kind have kernels that differ in a few numbers: extents,
// strides, scales. For processors with little flash, one of them receives the
// numbers as arguments and replaces the others. Constants that are equal in all
// of them stay where they are, so that loops of known length can be unrolled.
//
// Kernels around special instructions stay as they are: most of the time of a
// step is spent there, in loops that have no register left.
//
// Needs the LLVM dialect. Guarantees the same results.
//
//===----------------------------------------------------------------------===//

#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "TargetDescription.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/InterleavedRange.h"

namespace mlir::pock {
#define GEN_PASS_DEF_MERGEKERNELS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// More arguments than this cost more than the code that they save.
constexpr size_t kMostArguments = 6;

/// Erases the descriptors of buffers that lowering leaves behind: they have the
/// extents of buffers, which no code reads.
void eraseDescriptors(LLVM::LLVMFuncOp kernel) {
  kernel.walk([](LLVM::ExtractValueOp op) {
    OpBuilder b(op);
    SmallVector<Value> folded;
    if (succeeded(b.tryFold(op, folded)))
      op.replaceAllUsesWith(folded.front());
  });
  bool changed = true;
  while (changed) {
    changed = false;
    for (Block &block : kernel.getBody())
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
        if (isOpTriviallyDead(&op)) {
          op.erase();
          changed = true;
        }
  }
}

bool isSpecial(LLVM::LLVMFuncOp kernel) {
  return kernel
      .walk([](Operation *op) {
        return isa<LLVM::InlineAsmOp, LLVM::CallIntrinsicOp>(op)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The number that `use` reads if an argument may take its place.
Attribute numberOf(OpOperand &use) {
  auto constant = use.get().getDefiningOp<LLVM::ConstantOp>();
  Type type = use.get().getType();
  if (!constant || !(type.isInteger(32) || type.isF32()) ||
      !isa<LLVM::AddOp, LLVM::SubOp, LLVM::MulOp, LLVM::ICmpOp, LLVM::BrOp,
           LLVM::SMaxOp, LLVM::SMinOp, LLVM::SelectOp, LLVM::FAddOp,
           LLVM::FSubOp, LLVM::FMulOp, LLVM::FDivOp>(use.getOwner()))
    return {};
  // An index is an i32 with another type of attribute.
  if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
    return IntegerAttr::get(type, integer.getValue().sextOrTrunc(32));
  return constant.getValue();
}

/// A kernel as text without its numbers, and the uses of these.
struct Skeleton {
  explicit Skeleton(LLVM::LLVMFuncOp kernel) {
    llvm::raw_string_ostream out(text);
    out << kernel.getFunctionType() << kernel.getArgAttrsAttr();
    for (Block &block : kernel.getBody()) {
      blocks.try_emplace(&block, blocks.size());
      for (BlockArgument argument : block.getArguments())
        values.try_emplace(argument, values.size());
      for (Operation &op : block)
        if (!isa<LLVM::ConstantOp>(op))
          for (OpResult result : op.getResults())
            values.try_emplace(result, values.size());
    }
    for (Block &block : kernel.getBody()) {
      out << "\n^" << llvm::interleaved(block.getArgumentTypes());
      for (Operation &op : block)
        if (!isa<LLVM::ConstantOp>(op))
          print(op, out);
    }
  }

  std::string text;
  SmallVector<OpOperand *> uses;
  SmallVector<Attribute> numbers;

private:
  void print(Operation &op, raw_ostream &out) {
    out << '\n' << op.getName() << op.getAttrDictionary() << '(';
    for (OpOperand &use : op.getOpOperands()) {
      out << use.get().getType() << ' ';
      if (Attribute number = numberOf(use)) {
        uses.push_back(&use);
        numbers.push_back(number);
      } else if (auto constant = use.get().getDefiningOp<LLVM::ConstantOp>()) {
        out << constant.getValue();
      } else {
        out << '%' << values.lookup(use.get());
      }
      out << ',';
    }
    out << ')' << llvm::interleaved(op.getResultTypes());
    for (Block *successor : op.getSuccessors())
      out << " ^" << blocks.lookup(successor);
  }

  llvm::DenseMap<Value, unsigned> values;
  llvm::DenseMap<Block *, unsigned> blocks;
};

/// Kernels with equal text.
struct Family {
  SmallVector<LLVM::LLVMFuncOp> kernels;
  SmallVector<Skeleton, 0> skeletons;

  /// The numbers at use `i` of each kernel.
  SmallVector<Attribute> row(size_t i) const {
    return llvm::map_to_vector(skeletons,
                               [&](const Skeleton &s) { return s.numbers[i]; });
  }
};

/// Rewrites the first kernel of `family`; returns the arguments for each one,
/// or nothing if they are too many.
std::optional<SmallVector<SmallVector<Attribute>>>
addArguments(Family &family) {
  llvm::MapVector<SmallVector<Attribute>, SmallVector<size_t>> different;
  for (size_t i = 0; i < family.skeletons.front().uses.size(); ++i) {
    SmallVector<Attribute> row = family.row(i);
    if (!llvm::all_equal(row))
      different[row].push_back(i);
  }
  if (different.size() > kMostArguments)
    return std::nullopt;
  LLVM::LLVMFuncOp leader = family.kernels.front();
  Block &entry = leader.getBody().front();
  SmallVector<Type> types(leader.getArgumentTypes());
  SmallVector<SmallVector<Attribute>> passed(family.kernels.size());
  for (auto &[row, uses] : different) {
    SmallVector<OpOperand *> &all = family.skeletons.front().uses;
    Type type = all[uses.front()]->get().getType();
    Value argument = entry.addArgument(type, leader.getLoc());
    types.push_back(type);
    for (size_t i : uses)
      all[i]->set(argument);
    for (auto [list, number] : llvm::zip_equal(passed, row))
      list.push_back(number);
  }
  if (ArrayAttr attributes = leader.getArgAttrsAttr()) {
    SmallVector<Attribute> padded(attributes.getValue());
    padded.resize(types.size(), DictionaryAttr::get(leader.getContext()));
    leader.setArgAttrsAttr(ArrayAttr::get(leader.getContext(), padded));
  }
  leader.setFunctionType(LLVM::LLVMFunctionType::get(
      leader.getFunctionType().getReturnType(), types));
  return passed;
}

struct MergeKernels : impl::MergeKernelsBase<MergeKernels> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!TargetDescription::of(module).prefersSize())
      return;
    llvm::StringMap<SmallVector<LLVM::CallOp>> calls;
    module.walk([&](LLVM::CallOp call) {
      if (std::optional<StringRef> callee = call.getCallee())
        calls[*callee].push_back(call);
    });
    llvm::MapVector<StringRef, Family> families;
    llvm::BumpPtrAllocator texts;
    for (auto kernel : module.getOps<LLVM::LLVMFuncOp>()) {
      if (!kernel->hasAttr(attribute::kernel) || kernel.isExternal() ||
          isSpecial(kernel))
        continue;
      eraseDescriptors(kernel);
      Skeleton skeleton(kernel);
      Family &family = families[StringRef(skeleton.text).copy(texts)];
      family.kernels.push_back(kernel);
      family.skeletons.push_back(std::move(skeleton));
    }
    for (auto &[text, family] : families)
      if (family.kernels.size() > 1)
        if (auto passed = addArguments(family))
          redirect(family, *passed, calls);
  }

  /// Lets all calls of a family call its first kernel, and erases the others.
  static void redirect(Family &family, ArrayRef<SmallVector<Attribute>> passed,
                       llvm::StringMap<SmallVector<LLVM::CallOp>> &calls) {
    LLVM::LLVMFuncOp leader = family.kernels.front();
    for (auto [kernel, numbers] : llvm::zip_equal(family.kernels, passed)) {
      for (LLVM::CallOp call : calls.lookup(kernel.getSymName())) {
        OpBuilder b(call);
        SmallVector<Value> operands(call.getArgOperands());
        for (Attribute number : numbers)
          operands.push_back(LLVM::ConstantOp::create(b, call.getLoc(),
                                                      cast<TypedAttr>(number)));
        LLVM::CallOp::create(b, call.getLoc(), leader, operands);
        call.erase();
      }
      if (kernel != leader)
        kernel.erase();
    }
  }
};

} // namespace
} // namespace mlir::pock
