//===- VjpOpInterface.td - reverse-mode rules --------------*- tablegen -*-===//

#ifndef POCK_VJPOPINTERFACE_TD
#define POCK_VJPOPINTERFACE_TD

include "mlir/IR/Interfaces.td"
include "mlir/IR/OpBase.td"

def VjpOpInterface : OpInterface<"VjpOpInterface"> {
  let cppNamespace = "::mlir::pock";
  let description = [{
    An op that knows its vector-Jacobian product. The driver
    (`pock-build-step`) knows no op; it asks this interface.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the cotangents of the operands.

      `cotangents` has one entry per result, null where the result does not
      influence the loss (at least one is set). `needed[i]` says whether the
      cotangent of operand `i` is wanted; `grads[i]` receives it, with the type
      of the operand, or stays null where it is zero. Broadcasts must be undone
      (`reduceToType`). Reading a value of the forward pass saves it: rules
      read the cheapest one that will do.
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

#endif // POCK_VJPOPINTERFACE_TD
