//===- KernelRoleOpInterface.td - roles of ops in kernels --*- tablegen -*-===//
//
// The interface, and one trait per role that implements it. The definition of
// an op names its role; a pock op cannot be defined without one.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_KERNELROLEOPINTERFACE_TD
#define POCK_KERNELROLEOPINTERFACE_TD

include "mlir/IR/Interfaces.td"
include "mlir/IR/OpBase.td"

def KernelRoleOpInterface : OpInterface<"KernelRoleOpInterface"> {
  let cppNamespace = "::mlir::pock";
  let description = [{
    The properties of an op for the passes that fuse, recompute and move ops. They
    ask this interface instead of comparing names, so a new op needs no change in
    them. The traits `ElementwiseRole`, `ReductionRole`, `ContractionRole`,
    `DataMovementRole`, `AnchorRole`, `OpaqueRole` and `NoKernelRole` implement
    all methods without a default.
  }];
  let methods = [
    InterfaceMethod<"The role of the op when ops are grouped into kernels.",
      "::mlir::pock::KernelRole", "getKernelRole">,
    InterfaceMethod<[{
      The operand whose entries the op reads once each, in any order. If it has no
      other reader, the op's kernel may compute it entry by entry. Null if there
      is none.
    }],
      "::mlir::Value", "getAbsorbedOperand">,
    InterfaceMethod<[{
      Whether elementwise ops on the result may follow in the op's kernel.
    }],
      "bool", "takesEpilogue">,
    InterfaceMethod<[{
      Arithmetic operations per entry of the result; 0 if the op must not be
      recomputed to save memory.
    }],
      "int64_t", "getWorkPerEntry">,
    InterfaceMethod<[{
      Whether the op is one or two instructions per entry on every target, so
      that each kernel that reads the result may compute it instead of loading it.
    }],
      "bool", "isCheapToRecompute">,
    InterfaceMethod<[{
      Whether the op compares, or combines truth values. The result is smaller
      than its operands, and takes one bit per entry if it is saved.
    }],
      "bool", "makesMask">,
    InterfaceMethod<[{
      The input channels of operand `operand` in PyTorch's layout; none if the
      operand is not a weight.
    }],
      "::std::optional<::mlir::pock::InputChannels>", "getInputChannels",
      (ins "unsigned":$operand), "", "return std::nullopt;">
  ];
}

/// The constants of a role.
class HasKernelRole<string role, int absorbed, bit epilogue, int work, bit cheap, bit mask>
    : ParamNativeOpTrait<"HasKernelRole",
          "KernelRole::" # role # ", " # absorbed # ", "
          # !if(epilogue, "true", "false") # ", " # work # ", "
          # !if(cheap, "true", "false") # ", " # !if(mask, "true", "false")> {
  let cppNamespace = "::mlir::pock";
}

/// A role with values for the methods above. Ops use the classes below.
class KernelRole<string role, int absorbed = -1, bit epilogue = 0, int work = 0,
                 bit cheap = 0, bit mask = 0>
    : TraitList<[KernelRoleOpInterface, HasKernelRole<role, absorbed, epilogue, work, cheap, mask>]>;

class ElementwiseRole<int work, bit cheap = 0, bit mask = 0>
    : KernelRole<"Elementwise", epilogue = 1, work = work, cheap = cheap, mask = mask>;
/// One or two instructions on every target: sums, products, maxima.
def InstructionRole : ElementwiseRole<1, cheap = 1>;
/// A comparison or a logical operation.
def MaskRole : ElementwiseRole<1, mask = 1>;
/// A few instructions: choices, conversions, quotients, roots.
def SimpleRole : ElementwiseRole<1>;
/// A polynomial: exponentials, logarithms, error functions.
def FunctionRole : ElementwiseRole<16>;
/// Ten rounds of Philox.
def RandomRole : ElementwiseRole<48>;

/// Its kernel may compute operand number `absorbed` entry by entry.
class ReductionRole<int absorbed = 0>
    : KernelRole<"Reduction", absorbed, epilogue = 1>;
class ContractionRole<int absorbed = -1>
    : KernelRole<"Contraction", absorbed, epilogue = 1>;
class DataMovementRole<int work, bit epilogue = 0>
    : KernelRole<"DataMovement", epilogue = epilogue, work = work>;
def AnchorRole : KernelRole<"Anchor", epilogue = 1>;
def OpaqueRole : KernelRole<"Opaque">;
/// `role` is Constant, View, Boundary or Absent.
class NoKernelRole<string role> : KernelRole<role>;

#endif // POCK_KERNELROLEOPINTERFACE_TD
