//===- PockOpBase.td - shared classes of pock ops ----------*- tablegen -*-===//

#ifndef POCK_OP_BASE_TD
#define POCK_OP_BASE_TD

include "Pock/IR/PockAttrs.td"
include "Pock/Interfaces/DecomposableOpInterface.td"
include "Pock/Interfaces/ElementwiseOpInterface.td"
include "Pock/Interfaces/VjpOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Pock_FloatTensor : StaticShapeTensorOf<[AnyFloat]>;
def Pock_IntTensor : StaticShapeTensorOf<[AnySignlessInteger]>;
def Pock_BoolTensor : StaticShapeTensorOf<[I1]>;
def Pock_NumberTensor : StaticShapeTensorOf<[AnyFloat, AnySignlessInteger]>;
/// Types that can be summed in a loop; on `i1`, a sum would be exclusive or.
def Pock_SummableTensor : StaticShapeTensorOf<[AnyFloat, I8, I16, I32, I64]>;
/// Integers that are numbers: `i1` is a truth value.
def Pock_WholeTensor : StaticShapeTensorOf<[I8, I16, I32, I64]>;
/// Factors of sums of products, and these sums: of narrow integers in `i32`.
def Pock_FactorTensor : StaticShapeTensorOf<[AnyFloat, I8, I16]>;
def Pock_ProductTensor : StaticShapeTensorOf<[AnyFloat, I32]>;
def Pock_ScalarTensor : 0DTensorOf<[AnyFloat, AnySignlessInteger]>;

/// A pure op on tensors. All print their operand and result types in full.
class Pock_PureOp<string mnemonic, KernelRole role, list<Trait> traits = []>
    : Pock_Op<mnemonic, role, !listconcat([Pure], traits)> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

/// A pure op whose result types follow from operands and attributes; the
/// constraints are checked where the types are inferred.
class Pock_InferredOp<string mnemonic, KernelRole role, list<Trait> traits = []>
    : Pock_PureOp<mnemonic, role, !listconcat([InferTypeOpAdaptor], traits)>;

defvar Pock_Vjp = DeclareOpInterfaceMethods<VjpOpInterface>;
defvar Pock_Elementwise = DeclareOpInterfaceMethods<ElementwiseOpInterface>;
defvar Pock_Decomposable = DeclareOpInterfaceMethods<DecomposableOpInterface>;

#endif // POCK_OP_BASE_TD
