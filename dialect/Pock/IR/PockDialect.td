//===- PockDialect.td - the pock dialect -------------------*- tablegen -*-===//

#ifndef POCK_DIALECT_TD
#define POCK_DIALECT_TD

include "Pock/Interfaces/KernelRoleOpInterface.td"
include "mlir/IR/OpBase.td"

def Pock_Dialect : Dialect {
  let name = "pock";
  let cppNamespace = "::mlir::pock";
  let summary = "Training steps of neural networks as static programs";
  let description = [{
    The `pock` dialect holds a neural network, its gradient and its optimizer
    as one static program on builtin tensors. Ops follow PyTorch's semantics;
    where an op has channels, the attribute `layout` says which dimension they
    are (`channels_first`, the default, is PyTorch's order).

    Conventions that hold for every op:

    * all tensors have a static shape; element types are never assumed to be
      `f32`;
    * every op answers how it is differentiated: through `VjpOpInterface`, by
      decomposition before differentiation (`DecomposableOpInterface`), or not
      at all (trait `Inactive`: its gradient is zero by definition);
    * every op says its role in a kernel (`KernelRoleOpInterface`);
    * operands and results are values; only `pock.store_param` and
      `pock.sparse_update` have an effect, and it becomes visible when the
      enclosing function returns.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

/// An op says its role in a kernel; there is no default.
class Pock_Op<string mnemonic, KernelRole role, list<Trait> traits = []>
    : Op<Pock_Dialect, mnemonic, !listconcat([role], traits)>;

#endif // POCK_DIALECT_TD
