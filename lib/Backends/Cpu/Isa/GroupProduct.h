//===- GroupProduct.h - Instructions that sum groups of products *- C++ -*-===//
//
// Processors have instructions that multiply several pairs of narrow numbers
// and add all products to one wide accumulator. Each instruction is a row of a
// table, with one table per instruction set. `pock-group-products` turns sums
// that a row can compute into `pock.dot`, and the lowering of `pock.dot` calls
// the row's intrinsic.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_ISA_GROUPPRODUCT_H
#define POCK_BACKENDS_CPU_ISA_GROUPPRODUCT_H

#include "../TargetDescription.h"

namespace mlir::pock {

/// The elements of a group. Different instructions multiply signed and unsigned
/// integers.
enum class GroupElement { BF16, SI8, UI8, SI16 };

/// An instruction that computes, in each lane, `sum + lhs[0] * rhs[0] + … +
/// lhs[group - 1] * rhs[group - 1]`. A group is a word of 32 bits, the first
/// element in its lowest bits. Sums are f32 or i32.
struct GroupProduct {
  /// The elements of both operands, which have the same width.
  GroupElement lhs, rhs;
  /// Numbers of lanes for which there is an instruction, ascending.
  llvm::ArrayRef<int64_t> lanes;
  /// The features, in LLVM's syntax, that the processor must have:
  /// "+avx512bf16", "+avx512vl".
  llvm::ArrayRef<llvm::StringLiteral> features;
  /// The name of LLVM's intrinsic for a number of lanes.
  std::string (*intrinsic)(int64_t lanes);
  /// Whether the operands of the intrinsic are words, not vectors of elements.
  bool takesWords = false;
  /// Where the intrinsic takes the sum. If it takes none, its result is added.
  enum class Sum { First, Last, Apart } sum = Sum::First;
  /// Whether the instruction rounds differently from any sequence of others, so
  /// that the module must allow it.
  bool rounds = false;

  /// Whether the elements are bytes, or may be widened bytes.
  bool takesBytes() const { return lhs != GroupElement::BF16; }
  /// The number of products that a lane adds to its sum.
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

/// The rows that the processor supports, that have enough lanes for its
/// vectors, and whose rounding the target's arithmetic allows.
llvm::SmallVector<const GroupProduct *>
listGroupProducts(const TargetDescription &target);

/// The rows that the processor supports for single sums, also beside vectors.
llvm::SmallVector<const GroupProduct *>
listScalarProducts(const TargetDescription &target);

/// Whether a row for vectors on the target multiplies bytes, possibly widened.
bool hasGroupsOfBytes(const TargetDescription &target);

/// The part of the zero point `zero` of signed bytes that the first row for
/// groups of `terms` terms subtracts at no cost: all where a copy widens the
/// bytes; -128 where they are multiplied as unsigned bytes.
int64_t getZeroPointOfGroups(const TargetDescription &target, int64_t terms,
                             int64_t zero);

/// Whether the target multiplies and adds floats faster than 32-bit integers.
bool prefersFloatSums(const TargetDescription &target);

/// Whether sums in `module` may be computed by `row`: rounding operands needs
/// the module's precision.
bool mayUse(const GroupProduct &row, mlir::ModuleOp module);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_ISA_GROUPPRODUCT_H
