//===- PockIndexingOps.td - reading and adding at indices --*- tablegen -*-===//

#ifndef POCK_INDEXING_OPS_TD
#define POCK_INDEXING_OPS_TD

include "Pock/IR/PockOpBase.td"

def Pock_IndexTensor : StaticShapeTensorOf<[I32, I64]>;

def Pock_TakeOp : Pock_InferredOp<"take", OpaqueRole, [Pock_Vjp]> {
  let summary = "entries at indices along a dimension";
  let description = [{
    `input` `[before…, n, after…]`, `indices` `[shape…]` ->
    `[before…, shape…, after…]`: `result[b, i, a] = input[b, indices[i], a]`.
    An embedding takes along dimension 0. Indices out of range are clamped, so
    that no memory outside of `input` is read; the front end adds a
    `pock.fail_if` for them.

    Constraints: `take_c1`: `dim` is within the input's rank; `take_c2`: that
    dimension is not empty.

    Example: `%y = pock.take %x, %i {dim = 0 : i64} : (tensor<10x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$input, Pock_IndexTensor:$indices,
                       I64Attr:$dim);
  let results = (outs Pock_NumberTensor:$result);
}

def Pock_ScatterAddOp : Pock_PureOp<"scatter_add", OpaqueRole,
    [AllTypesMatch<["dest", "result"]>, Pock_Vjp]> {
  let summary = "a tensor with entries added at indices along a dimension";
  let description = [{
    `dest` with `updates` added to the entries that `pock.take` of these indices
    reads, one index after the other in row-major order. The same index may occur
    several times, and the result does not depend on the target. It is the
    gradient of `pock.take`, and for an embedding the update of the used rows.

    Constraints: `scatter_add_c1`: `dim` is within the rank and not empty;
    `scatter_add_c2`: `updates` has the type of that `pock.take`.

    Example: `%y = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>`
  }];
  let arguments = (ins Pock_SummableTensor:$dest, Pock_IndexTensor:$indices,
                       Pock_SummableTensor:$updates, I64Attr:$dim);
  let results = (outs Pock_SummableTensor:$result);
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

#endif // POCK_INDEXING_OPS_TD
