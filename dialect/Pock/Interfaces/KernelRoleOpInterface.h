//===- KernelRoleOpInterface.h - what an op is in a kernel ------*- C++ -*-===//

#ifndef POCK_INTERFACES_KERNELROLEOPINTERFACE_H
#define POCK_INTERFACES_KERNELROLEOPINTERFACE_H

#include "Pock/Interfaces/ElementwiseOpInterface.h"

#include "mlir/IR/OpDefinition.h"

#include <optional>

namespace mlir::pock {

/// The role of an op when ops are grouped into kernels. KernelGroups.h says how
/// groups form.
enum class KernelRole {
  /// An entry of the result depends on one entry of each operand, which
  /// broadcasts. Fuses with all but opaque ops.
  Elementwise,
  /// Combines all entries of some dimensions of an operand, each read once.
  Reduction,
  /// Sums products of two operands. A kernel holds one, or two where the second
  /// is a depthwise convolution.
  Contraction,
  /// Copies entries to other places.
  DataMovement,
  /// Reads entries of its operands several times (windows, softmax,
  /// normalisation, attention), so operands are stored; starts a kernel.
  Anchor,
  /// Is a kernel of its own: scans, indexing, several large results.
  Opaque,
  /// Is made of nothing: every kernel that reads it holds a copy.
  Constant,
  /// Is its operand's memory under another type.
  View,
  /// Reads or sets what lives outside of kernels: parameters, failures.
  Boundary,
  /// Is not there while kernels are formed: ops of other stages.
  Absent,
};

/// The input channels of a weight: which dimension they are, and into how many
/// equal blocks it divides. A scheme may train some of the blocks.
struct InputChannels {
  int64_t dim, blocks;
};

/// Implements KernelRoleOpInterface by constants. See KernelRoleOpInterface.td,
/// which has one class per role, for their meaning.
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
