//===- KernelRoleOpInterface.h - roles of ops in kernels ------ -*- C++ -*-===//

#ifndef POCK_INTERFACES_KERNELROLEOPINTERFACE_H
#define POCK_INTERFACES_KERNELROLEOPINTERFACE_H

#include "Pock/Interfaces/ElementwiseOpInterface.h"

#include "mlir/IR/OpDefinition.h"

#include <optional>

namespace mlir::pock {

/// The role of an op when ops are grouped into kernels. KernelGroups.h
/// describes how groups form.
enum class KernelRole {
  /// An entry of the result depends on one entry of each operand; operands
  /// broadcast. Fuses with all but opaque ops.
  Elementwise,
  /// Combines all entries of some dimensions of an operand, each read once.
  Reduction,
  /// Sums products of two operands. A kernel has one contraction, or two if the
  /// second is a depthwise convolution.
  Contraction,
  /// Copies entries to other places.
  DataMovement,
  /// Reads entries of its operands several times (windows, softmax,
  /// normalisation, attention), so its operands are stored. Starts a kernel.
  Anchor,
  /// Is a kernel of its own: scans, indexing, several large results.
  Opaque,
  /// Has no operands: every kernel that reads it contains a copy.
  Constant,
  /// Views its operand's memory with another type.
  View,
  /// Accesses state outside of kernels: parameters, failures.
  Boundary,
  /// Belongs to another stage: does not occur while kernels are formed.
  Absent,
};

/// The input channels of a weight: their dimension, and the number of equal
/// blocks in it. A scheme may train some of the blocks.
struct InputChannels {
  int64_t dim, blocks;
};

/// Implements KernelRoleOpInterface with constants. KernelRoleOpInterface.td
/// has one class per role and explains the constants.
template <KernelRole role, int absorbed, bool epilogue, int64_t work,
          bool cheap, bool mask>
struct HasKernelRole {
  template <typename ConcreteOp>
  class Impl : public OpTrait::TraitBase<ConcreteOp, Impl> {
  public:
    static LogicalResult verifyTrait(Operation *) {
      static_assert(
          role == KernelRole::Elementwise ||
              !ConcreteOp::template hasTrait<ElementwiseOpInterface::Trait>(),
          "an op with a scalar semantics is elementwise");
      return success();
    }

    KernelRole getKernelRole() { return role; }
    Value getAbsorbedOperand() {
      if constexpr (absorbed < 0)
        return {};
      else
        return this->getOperation()->getOperand(absorbed);
    }
    bool takesEpilogue() { return epilogue; }
    int64_t getWorkPerEntry() { return work; }
    bool isCheapToRecompute() { return cheap; }
    bool makesMask() { return mask; }
  };
};

} // namespace mlir::pock

#include "Pock/Interfaces/KernelRoleOpInterface.h.inc"

namespace mlir::pock {

/// The role of `op`; `Absent` for an op without the interface.
KernelRole getKernelRole(Operation *op);

} // namespace mlir::pock

#endif // POCK_INTERFACES_KERNELROLEOPINTERFACE_H
