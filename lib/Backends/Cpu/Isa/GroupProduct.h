//===- GroupProduct.h - Instructions that sum groups of products *- C++ -*-===//
//
// Processors have instructions that multiply several pairs of narrow numbers
// and add all products to one wide accumulator. Each is a row of a table, one
// table per instruction set. `pock-group-products` makes `pock.dot` of sums
// that a row serves, and the lowering of `pock.dot` calls the row's intrinsic.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_ISA_GROUPPRODUCT_H
#define POCK_BACKENDS_CPU_ISA_GROUPPRODUCT_H

#include "../TargetDescription.h"

namespace mlir::pock {

/// What a group consists of. Signed and unsigned integers are multiplied by
/// different instructions.
enum class GroupElement { BF16, SI8, UI8, SI16 };

/// An instruction that computes, in each lane, `sum + lhs[0] * rhs[0] + … +
/// lhs[group - 1] * rhs[group - 1]`. A group is a word of 32 bits, the first
/// element in its lowest bits. Sums are f32 or i32.
struct GroupProduct {
  /// The elements of both operands: as wide as each other.
  GroupElement lhs, rhs;
  /// Numbers of lanes that there is an instruction for, ascending.
  llvm::ArrayRef<int64_t> lanes;
  /// LLVM's features that the processor must have: "+avx512bf16,+avx512vl".
  llvm::ArrayRef<llvm::StringLiteral> features;
  /// The name of LLVM's intrinsic for a number of lanes.
  std::string (*intrinsic)(int64_t lanes);
  /// Whether the intrinsic takes words, instead of vectors of elements.
  bool takesWords = false;
  /// Whether the sum is its last operand, instead of its first.
  bool sumLast = false;
  /// Whether the instruction rounds as no sequence of others does: the module
  /// must allow it.
  bool rounds = false;

  /// How many products a lane adds to its sum.
  int64_t getGroup() const;
  /// The types of elements (integers with their sign) and of the sum.
  mlir::Type getLhsType(mlir::MLIRContext *context) const;
  mlir::Type getRhsType(mlir::MLIRContext *context) const;
  mlir::Type getSumType(mlir::MLIRContext *context) const;
};

/// The table of each instruction set: Isa/X86.cpp, Isa/Arm.cpp.
llvm::ArrayRef<GroupProduct> getX86GroupProducts();
llvm::ArrayRef<GroupProduct> getArmGroupProducts();
llvm::ArrayRef<GroupProduct> getAArch64GroupProducts();

/// The rows that the processor has, with lanes that fill its vectors, and whose
/// results its arithmetic allows.
llvm::SmallVector<const GroupProduct *>
listGroupProducts(const TargetDescription &target);

/// Whether sums in `module` may be computed by `row`: rounding operands needs
/// the module's precision.
bool mayUse(const GroupProduct &row, mlir::ModuleOp module);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_ISA_GROUPPRODUCT_H
