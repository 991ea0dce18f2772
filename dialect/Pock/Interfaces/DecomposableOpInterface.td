//===- DecomposableOpInterface.td - composite ops ----------*- tablegen -*-===//

#ifndef POCK_DECOMPOSABLEOPINTERFACE_TD
#define POCK_DECOMPOSABLEOPINTERFACE_TD

include "mlir/IR/Interfaces.td"
include "mlir/IR/OpBase.td"

def DecomposableOpInterface : OpInterface<"DecomposableOpInterface"> {
  let cppNamespace = "::mlir::pock";
  let description = [{
    A composite op that is defined in terms of simpler pock ops.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the replacement of each result. On failure, nothing has changed.
    }],
    "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "decompose",
    (ins "::mlir::OpBuilder &":$builder)>,
    InterfaceMethod<[{
      Whether the op is decomposed before differentiation, so that its gradient
      is the gradient of its parts. Otherwise it keeps its own VJP and is
      decomposed inside its kernel.
    }],
    "bool", "decomposesBeforeAutodiff", (ins), "", "return true;">
  ];
}

#endif // POCK_DECOMPOSABLEOPINTERFACE_TD
