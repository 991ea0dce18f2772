//===- ElementwiseOpInterface.td - one scalar at a time ----*- tablegen -*-===//

#ifndef POCK_ELEMENTWISEOPINTERFACE_TD
#define POCK_ELEMENTWISEOPINTERFACE_TD

include "mlir/IR/Interfaces.td"
include "mlir/IR/OpBase.td"

def ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let cppNamespace = "::mlir::pock";
  let description = [{
    An op whose results all have the same shape. Each result element depends on
    one element of each operand. Operands are broadcast to the shape of the
    results, as in NumPy.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the scalar computation with `arith` and `math` ops. `args` has one
      scalar per operand. Returns one scalar per result.
    }],
    "::llvm::SmallVector<::mlir::Value>", "buildScalar",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
         "::mlir::ValueRange":$args)>
  ];
}

#endif // POCK_ELEMENTWISEOPINTERFACE_TD
