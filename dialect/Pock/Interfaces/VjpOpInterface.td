//===- VjpOpInterface.td - reverse-mode rules --------------*- tablegen -*-===//

#ifndef POCK_VJPOPINTERFACE_TD
#define POCK_VJPOPINTERFACE_TD

include "mlir/IR/Interfaces.td"
include "mlir/IR/OpBase.td"

def VjpOpInterface : OpInterface<"VjpOpInterface"> {
  let cppNamespace = "::mlir::pock";
  let description = [{
    An op with a vector-Jacobian product. The driver (`pock-build-step`) knows
    no op by name; it uses this interface.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the cotangents of the operands.

      `cotangents` has one entry per result; it is null if the result does not
      influence the loss. At least one is set. `needed[i]` says whether the
      cotangent of operand `i` is needed. The rule sets `grads[i]` to it, with
      the type of the operand, or leaves it null if it is zero. The rule must
      undo broadcasts (`reduceToType`). A value of the forward pass that the rule
      reads is saved, so a rule reads the cheapest suitable value.
    }],
    "::llvm::LogicalResult", "buildVjp",
    (ins "::mlir::OpBuilder &":$builder,
         "::llvm::ArrayRef<::mlir::Value>":$cotangents,
         "::llvm::ArrayRef<bool>":$needed,
         "::llvm::MutableArrayRef<::mlir::Value>":$grads)>
  ];
}

/// The gradient of the results with respect to every operand is zero.
def Inactive : NativeOpTrait<"Inactive"> {
  let cppNamespace = "::mlir::pock";
}

/// Integers are differentiated as if they were real numbers: the gradient with
/// respect to an integer is a float, and rounding has the derivative one. The
/// rule of the op expects integers among operands and results. Other ops on
/// integers that depend on such an op are differentiated as their counterparts
/// on floats.
def Relaxed : NativeOpTrait<"Relaxed"> {
  let cppNamespace = "::mlir::pock";
}

#endif // POCK_VJPOPINTERFACE_TD
