//===- FixedPointConversions.cpp - Helium's VCVT of fixed point -----------===//
//
// VCVT of Helium converts integers to floats and multiplies by 2^-n, or
// multiplies floats by 2^n and converts them to integers, in one instruction.
// LLVM 22 selects it for `fmul (sitofp x), 2^-n` and `fptosi (fmul x, 2^n)`,
// and makes `n` a constant like any other
// (`ARMDAGToDAGISel::transformFixedFloatingPointConversion` calls `getConstant`
// where it needs `getTargetConstant`). If the same block uses the number `n`
// for something else, say to advance a pointer, the constant is put into a
// register, and the number of that register is encoded as `n`: the result is
// wrong by a power of two. LLVM's intrinsics for the instruction have no such
// defect, so we call these.
//
// Needs LLVM IR that is ready for code generation. Guarantees the same results:
// a product with a power of two is exact. Scalars are left alone, because LLVM
// selects this form for vectors only.
//
//===----------------------------------------------------------------------===//

#include "FixedPointConversions.h"
#include "TargetMachine.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicsARM.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm::PatternMatch;

namespace mlir::pock {
namespace {

/// Lanes of the instruction.
constexpr unsigned kLanes = 4;

/// A conversion: `operand` times 2^`exponent`, before or after it becomes a
/// float.
struct Conversion {
  llvm::Value *operand;
  int exponent;
  bool isSigned, toFloat;
};

/// The exponent of a vector whose lanes are all the same power of two; 0 for
/// other values.
int exponentOf(llvm::Value *value) {
  const llvm::APFloat *number;
  if (!match(value, m_APFloatAllowPoison(number)))
    return 0;
  int exponent = number->getExactLog2();
  return exponent == INT_MIN ? 0 : exponent;
}

bool isVectorOf(llvm::Value *value,
                llvm::function_ref<bool(llvm::Type *)> isElement) {
  auto *type = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return type && isElement(type->getElementType());
}

bool areFloats(llvm::Value *value) {
  return isVectorOf(value, [](llvm::Type *type) { return type->isFloatTy(); });
}

bool areWords(llvm::Value *value) {
  return isVectorOf(value, [](llvm::Type *type) {
    return type->isIntegerTy() && type->getIntegerBitWidth() <= 32;
  });
}

/// The conversion that `instruction` is the last part of.
std::optional<Conversion> findConversion(llvm::Instruction &instruction) {
  llvm::Value *x, *factor;
  auto inRange = [](int exponent) { return exponent >= 1 && exponent <= 32; };
  if (match(&instruction,
            m_c_FMul(m_CombineOr(m_SIToFP(m_Value(x)), m_UIToFP(m_Value(x))),
                     m_Value(factor)))) {
    int exponent = exponentOf(factor);
    if (!areFloats(&instruction) || !areWords(x) || !inRange(-exponent))
      return std::nullopt;
    bool isSigned = match(
        &instruction, m_c_FMul(m_SIToFP(m_Specific(x)), m_Specific(factor)));
    return Conversion{x, exponent, isSigned, /*toFloat=*/true};
  }
  bool isSigned = match(&instruction, m_FPToSI(m_Value(x)));
  if (!(isSigned || match(&instruction, m_FPToUI(m_Value(x)))) ||
      !areFloats(x) || !areWords(&instruction))
    return std::nullopt;
  llvm::Value *product = x;
  if (match(product, m_c_FMul(m_Value(x), m_Value(factor))) &&
      inRange(exponentOf(factor)))
    return Conversion{x, exponentOf(factor), isSigned, /*toFloat=*/false};
  if (match(product, m_FAdd(m_Value(x), m_Deferred(x))))
    return Conversion{x, 1, isSigned, /*toFloat=*/false};
  return std::nullopt;
}

/// The instruction for `operand`, a vector of `kLanes` lanes.
llvm::Value *emitLanes(llvm::IRBuilder<> &b, const Conversion &conversion,
                       llvm::Value *operand) {
  auto vectorOf = [](llvm::Type *element) {
    return llvm::FixedVectorType::get(element, kLanes);
  };
  llvm::Type *words = vectorOf(b.getInt32Ty()),
             *floats = vectorOf(b.getFloatTy());
  llvm::Type *result = conversion.toFloat ? floats : words;
  return b.CreateIntrinsic(llvm::Intrinsic::arm_mve_vcvt_fix,
                           {result, operand->getType()},
                           {b.getInt32(!conversion.isSigned), operand,
                            b.getInt32(std::abs(conversion.exponent))});
}

/// Emits `conversion` with `count` lanes, four at a time.
llvm::Value *emit(llvm::IRBuilder<> &b, const Conversion &conversion,
                  unsigned count) {
  llvm::Value *operand = conversion.operand;
  if (conversion.toFloat)
    operand = b.CreateIntCast(operand,
                              llvm::FixedVectorType::get(b.getInt32Ty(), count),
                              conversion.isSigned);
  if (count == kLanes)
    return emitLanes(b, conversion, operand);
  llvm::Value *whole = nullptr;
  for (unsigned first = 0; first < count; first += kLanes) {
    SmallVector<int> from(kLanes, llvm::PoisonMaskElem),
        to(count, llvm::PoisonMaskElem);
    for (unsigned i = 0; i < kLanes && first + i < count; ++i) {
      from[i] = first + i;
      to[first + i] = i;
    }
    llvm::Value *part =
        emitLanes(b, conversion, b.CreateShuffleVector(operand, from));
    part = b.CreateShuffleVector(part, to);
    if (whole) {
      SmallVector<int> both;
      for (unsigned i = 0; i < count; ++i)
        both.push_back(i < first ? i : count + i);
      part = b.CreateShuffleVector(whole, part, both);
    }
    whole = part;
  }
  return whole;
}

} // namespace

void useFixedPointIntrinsics(llvm::Module &module,
                             const TargetDescription &target) {
  static constexpr StringLiteral helium[] = {"+mve.fp"};
  llvm::Triple triple = tripleOf(target);
  if (!(triple.isARM() || triple.isThumb()) || !hasFeatures(target, helium))
    return;
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction :
         llvm::make_early_inc_range(llvm::instructions(function))) {
      std::optional<Conversion> conversion = findConversion(instruction);
      if (!conversion)
        continue;
      llvm::IRBuilder<> b(&instruction);
      auto *type = llvm::cast<llvm::FixedVectorType>(instruction.getType());
      llvm::Value *result = emit(b, *conversion, type->getNumElements());
      if (!conversion->toFloat)
        result = b.CreateTrunc(result, type);
      instruction.replaceAllUsesWith(result);
      llvm::RecursivelyDeleteTriviallyDeadInstructions(&instruction);
    }
}

} // namespace mlir::pock
