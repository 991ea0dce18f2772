//===- OptimizerAttrInterface.td - parameter updates -------*- tablegen -*-===//

#ifndef POCK_OPTIMIZERATTRINTERFACE_TD
#define POCK_OPTIMIZERATTRINTERFACE_TD

include "mlir/IR/Interfaces.td"
include "mlir/IR/OpBase.td"

def OptimizerAttrInterface : AttrInterface<"OptimizerAttrInterface"> {
  let cppNamespace = "::mlir::pock";
  let description = [{
    An optimizer: the states of a parameter, and the update from a gradient. A
    new optimizer is a new attribute with this interface.
  }];
  let methods = [
    InterfaceMethod<"Names of the states of each trained parameter, as in PyTorch.",
      "::llvm::SmallVector<::llvm::StringRef>", "getStateNames">,
    InterfaceMethod<"Whether updates depend on the number of the step, counted from 1.",
      "bool", "needsStep">,
    InterfaceMethod<[{
      Builds scalars that all updates of a step share, for example bias
      corrections. `step` is the number of this step, of the 0-D tensor type
      `type`; it is null unless `needsStep`.
    }],
      "::llvm::SmallVector<::mlir::Value>", "buildShared",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Type":$type, "::mlir::Value":$step)>,
    InterfaceMethod<[{
      Builds the update of one parameter. Returns its new value, then the new value
      of each state.
    }],
      "::llvm::SmallVector<::mlir::Value>", "buildUpdate",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Value":$param, "::mlir::Value":$gradient,
           "::mlir::ValueRange":$states, "::mlir::Value":$lr,
           "::mlir::ValueRange":$shared)>,
    InterfaceMethod<[{
      As `buildUpdate`, but returns the change of the parameter in place of its
      new value, without rounding both; null if it does not change.
    }],
      "::llvm::SmallVector<::mlir::Value>", "buildChange",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Value":$param, "::mlir::Value":$gradient,
           "::mlir::ValueRange":$states, "::mlir::Value":$lr,
           "::mlir::ValueRange":$shared)>
  ];
}

#endif // POCK_OPTIMIZERATTRINTERFACE_TD
