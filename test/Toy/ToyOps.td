//===- ToyOps.td - ops as a contributor adds them ----------*- tablegen -*-===//
//
// Each op is added in three places, and no pass knows it: its definition here,
// its semantics in ToySemantics.cpp and its gradient in ToyVjp.cpp. The fourth
// place, the frontend, is of ops of PyTorch.
//
//===----------------------------------------------------------------------===//

#ifndef TOY_OPS_TD
#define TOY_OPS_TD

include "Pock/IR/PockOpBase.td"

def Toy_Dialect : Dialect {
  let name = "toy";
  let cppNamespace = "::mlir::pock::toy";
}

class Toy_Op<string mnemonic, KernelRole role, list<Trait> traits = []>
    : Op<Toy_Dialect, mnemonic, !listconcat([Pure, SameOperandsAndResultType, Pock_Vjp, role], traits)> {
  let results = (outs Pock_FloatTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

/// A composite op that keeps its gradient: it is decomposed inside its kernel.
defvar Toy_Composite = DeclareOpInterfaceMethods<DecomposableOpInterface, ["decomposesBeforeAutodiff"]>;

def Toy_MishOp : Toy_Op<"mish", FunctionRole, [Pock_Elementwise]> {
  let summary = "elementwise x * tanh(log(1 + exp(x)))";
  let arguments = (ins Pock_FloatTensor:$input);
}

def Toy_CumprodOp : Toy_Op<"cumprod", OpaqueRole, [Toy_Composite]> {
  let summary = "running product along a dimension, of entries that are not zero";
  let arguments = (ins Pock_FloatTensor:$input, I64Attr:$dim);
}

def Toy_RmsNormalizeOp : Toy_Op<"rms_normalize", AnchorRole, [Toy_Composite]> {
  let summary = "x / sqrt(mean(x^2) + eps) along a dimension";
  let arguments = (ins Pock_FloatTensor:$input, I64Attr:$dim, F64Attr:$eps);
}

#endif // TOY_OPS_TD
