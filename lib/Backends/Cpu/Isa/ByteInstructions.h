//===- ByteInstructions.h - Products of bytes on microcontrollers *- C++ -*-==//
//
// Some microcontrollers multiply pairs of numbers of 16 bits
// (Isa/GroupProduct.h), and widen bytes to such pairs. Those with Helium add
// the products of whole vectors of bytes to one sum, too. Kernels on bytes are
// built around these (`pock-tile-bytes`).
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_ISA_BYTEINSTRUCTIONS_H
#define POCK_BACKENDS_CPU_ISA_BYTEINSTRUCTIONS_H

#include "../TargetDescription.h"

namespace mlir::pock {

struct ByteInstructions {
  /// LLVM's intrinsics for `pock.widen_bytes`: without a zero point, and one
  /// that adds to its first operand.
  llvm::StringLiteral widen, widenAdd;
  /// LLVM's intrinsics for `pock.multiply_halves`, by `lhs_upper` and
  /// `rhs_upper`; the sum is their last operand. (From shifts, LLVM selects the
  /// instructions too, but moves shifts of invariants out of loops, where each
  /// needs a register.)
  llvm::StringLiteral multiplyHalves[2][2];
  /// Assembly that loads four words from the address in operand 4 to operands 0
  /// to 3 and advances that address, and its constraints. LLVM forms such an
  /// instruction only if its allocation of registers happens to allow it.
  llvm::StringLiteral loadFour, constraints;
  /// LLVM's intrinsics for `pock.dot_lanes` of 16 bytes and of 8 numbers of 16
  /// bits; empty on processors without vectors.
  llvm::StringLiteral dotBytes = "", dotHalves = "";

  bool hasLanes() const { return !dotBytes.empty(); }
};

/// The tables of each instruction set.
const ByteInstructions &getArmByteInstructions();
const ByteInstructions &getHeliumByteInstructions();

/// The instructions of the processor; null if it has none of this kind, or has
/// vectors that multiply bytes lane by lane.
const ByteInstructions *findByteInstructions(const TargetDescription &target);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_ISA_BYTEINSTRUCTIONS_H
