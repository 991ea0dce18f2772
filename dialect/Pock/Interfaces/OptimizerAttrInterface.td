//===- OptimizerAttrInterface.td - parameter updates -------*- tablegen -*-===//

#ifndef POCK_OPTIMIZERATTRINTERFACE_TD
#define POCK_OPTIMIZERATTRINTERFACE_TD

include "mlir/IR/Interfaces.td"
include "mlir/IR/OpBase.td"

def OptimizerAttrInterface : AttrInterface<"OptimizerAttrInterface"> {
  let cppNamespace = "::mlir::pock";
  let description = [{
    An optimizer: which state it keeps for a parameter and how it turns a
    gradient into an update. Adding an optimizer is adding one attribute.
  }];
  let methods = [
    InterfaceMethod<"Names of the states kept per trained parameter, as PyTorch calls them.",
      "::llvm::SmallVector<::llvm::StringRef>", "getStateNames">,
    InterfaceMethod<"Whether updates depend on the number of the step, counted from 1.",
      "bool", "needsStep">,
    InterfaceMethod<[{
      Builds scalars that all updates of a step share (bias corrections, say).
      `step` is the number of this step and has the 0-D tensor type `type`; it is
      null unless `needsStep`.
    }],
      "::llvm::SmallVector<::mlir::Value>", "buildShared",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Type":$type, "::mlir::Value":$step)>,
    InterfaceMethod<[{
      Builds the update of one parameter; returns its new value, then the new
      value of each state.
    }],
      "::llvm::SmallVector<::mlir::Value>", "buildUpdate",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::Value":$param, "::mlir::Value":$gradient,
           "::mlir::ValueRange":$states, "::mlir::Value":$lr,
           "::mlir::ValueRange":$shared)>
  ];
}

#endif // POCK_OPTIMIZERATTRINTERFACE_TD
