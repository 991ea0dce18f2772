//===- PockReductionOps.td - reductions and softmax --------*- tablegen -*-===//

#ifndef POCK_REDUCTION_OPS_TD
#define POCK_REDUCTION_OPS_TD

include "Pock/IR/PockOpBase.td"

class Pock_ReduceOp<string mnemonic, Type type, list<Trait> traits = []>
    : Pock_InferredOp<mnemonic, ReductionRole<>, traits> {
  let arguments = (ins type:$input, DenseI64ArrayAttr:$dims,
                       DefaultValuedAttr<BoolAttr, "false">:$keepdim);
  let results = (outs type:$result);
  code reduceDescription = [{
    Reduces over `dims`; with `keepdim` they stay as size 1.

    Constraints: `reduce_c1`: `dims` are distinct, ascending and within the rank.
  }];
}

def Pock_SumOp : Pock_ReduceOp<"sum", Pock_NumberTensor, [Pock_Vjp]> {
  let summary = "sum over dimensions";
  let description = reduceDescription # [{

    Example: `%y = pock.sum %x {dims = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>`
  }];
  let hasFolder = 1;
}
def Pock_MeanOp : Pock_ReduceOp<"mean", Pock_FloatTensor, [Pock_Vjp]> {
  let summary = "mean over dimensions";
  let description = reduceDescription # [{

    Example: `%y = pock.mean %x {dims = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>`
  }];
  let hasFolder = 1;
}
def Pock_AmaxOp : Pock_ReduceOp<"amax", Pock_SummableTensor, [Pock_Vjp]> {
  let summary = "maximum over dimensions";
  let description = reduceDescription # [{
    NaN wins. The gradient is shared evenly among equal maxima, as
    `torch.amax` and the full `torch.max` do.

    Example: `%y = pock.amax %x {dims = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>`
  }];
}
def Pock_ArgmaxOp : Pock_InferredOp<"argmax", OpaqueRole, [Inactive]> {
  let summary = "index of the first maximum along a dimension";
  let description = [{
    The first NaN if there is one, else the first of the largest entries. The
    result drops the dimension. Not differentiable: the index is an integer.

    Constraints: `argmax_c1`: `dim` is within the rank.

    Example: `%i = pock.argmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2xi64>`
  }];
  let arguments = (ins Pock_SummableTensor:$input, I64Attr:$dim);
  let results = (outs StaticShapeTensorOf<[I64]>:$result);
}

def Pock_CumsumOp : Pock_PureOp<"cumsum", OpaqueRole, [SameOperandsAndResultType, Pock_Vjp]> {
  let summary = "running sum along a dimension";
  let description = [{
    Entry `i` of the result is the sum of the entries up to and with `i`, or with
    `reverse` of those from `i` on. Summed in that order.

    Constraints: `cumsum_c1`: `dim` is within the rank.

    Example: `%y = pock.cumsum %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>`
  }];
  let arguments = (ins Pock_SummableTensor:$input, I64Attr:$dim,
                       DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Pock_SummableTensor:$result);
  let hasVerifier = 1;
}

class Pock_SoftmaxLikeOp<string mnemonic> : Pock_PureOp<mnemonic, AnchorRole,
    [SameOperandsAndResultType, Pock_Vjp,
     DeclareOpInterfaceMethods<DecomposableOpInterface, ["decomposesBeforeAutodiff"]>]> {
  let arguments = (ins Pock_FloatTensor:$input, I64Attr:$dim);
  let results = (outs Pock_FloatTensor:$result);
  let hasVerifier = 1;
}
def Pock_SoftmaxOp : Pock_SoftmaxLikeOp<"softmax"> {
  let summary = "softmax along a dimension";
  let description = [{
    `exp(x - max) / sum(exp(x - max))`; the gradient reads the result. If all
    entries along `dim` are minus infinity, the result is NaN. With `safe` it is
    zero, with gradient zero, for attention to nothing (`torch._safe_softmax`).

    Constraints: `softmax_c1`: `dim` is within the rank.

    Example: `%y = pock.softmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input, I64Attr:$dim,
                       DefaultValuedAttr<BoolAttr, "false">:$safe);
}
def Pock_LogSoftmaxOp : Pock_SoftmaxLikeOp<"log_softmax"> {
  let summary = "logarithm of softmax along a dimension";
  let description = [{
    `(x - max) - log(sum(exp(x - max)))`; the gradient reads the result.

    Constraints: `softmax_c1`: `dim` is within the rank.

    Example: `%y = pock.log_softmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>`
  }];
}

#endif // POCK_REDUCTION_OPS_TD
