//===- ElementwiseOpInterface.td - one scalar at a time ----*- tablegen -*-===//

#ifndef POCK_ELEMENTWISEOPINTERFACE_TD
#define POCK_ELEMENTWISEOPINTERFACE_TD

include "mlir/IR/Interfaces.td"
include "mlir/IR/OpBase.td"

def ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let cppNamespace = "::mlir::pock";
  let description = [{
    An op whose results all have one shape and whose every result element
    depends on one element of each operand, the operands being broadcast to the
    shape of the results in NumPy's way.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the scalar computation with `arith` and `math` ops: `args` holds
      one scalar per operand; one scalar per result is returned.
    }],
    "::llvm::SmallVector<::mlir::Value>", "buildScalar",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
         "::mlir::ValueRange":$args)>
  ];
}

#endif // POCK_ELEMENTWISEOPINTERFACE_TD
