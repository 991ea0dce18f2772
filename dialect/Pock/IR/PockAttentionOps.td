//===- PockAttentionOps.td - scaled dot-product attention --*- tablegen -*-===//

#ifndef POCK_ATTENTION_OPS_TD
#define POCK_ATTENTION_OPS_TD

include "Pock/IR/PockOpBase.td"

defvar Pock_DecomposedInKernel = DeclareOpInterfaceMethods<
    DecomposableOpInterface, ["decomposesBeforeAutodiff"]>;

def Pock_AttentionOp : Pock_InferredOp<"attention", AnchorRole, [Pock_Vjp, Pock_DecomposedInKernel]> {
  let summary = "scaled dot-product attention";
  let description = [{
    `output = softmax(scale * query key^T + mask) value` (arXiv 1706.03762) for
    `query` `[…, T, D]`, `key` `[…, S, D]`, `value` `[…, S, E]`; `output` is
    `[…, T, E]`. A mask of `i1` is true where a query attends to a key; a mask of
    numbers is added to the scores. With `causal`, a query attends to keys up to
    its own position. A row that attends to nothing gives zeros. `lse`
    `[…, T, 1]` is the logarithm of the sum of the exponentials of the scores.
    The gradient recomputes the probabilities from it instead of saving them
    (arXiv 2205.14135).

    Constraints: `attention_c1`: all operands have the same rank, at least 2;
    `attention_c2`: leading dimensions are equal, but for a mask's;
    `attention_c3`: query and key agree in `D`, key and value in `S`;
    `attention_c4`: the mask broadcasts to `[…, T, S]` and is `i1` or of the
    query's element type.

    Example:
    ```mlir
    %o, %lse = pock.attention %q, %k, %v {scale = 0.5 : f64, causal = true}
        : (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<2x8x1xf32>)
    ```
  }];
  let arguments = (ins Pock_FloatTensor:$query, Pock_FloatTensor:$key,
                       Pock_FloatTensor:$value, Optional<Pock_NumberTensor>:$mask,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       DefaultValuedAttr<BoolAttr, "false">:$causal);
  let results = (outs Pock_FloatTensor:$output, Pock_FloatTensor:$lse);
}

def Pock_AttentionGradOp : Pock_PureOp<"attention_grad", OpaqueRole, [Inactive,
    Pock_DecomposedInKernel, AllTypesMatch<["query", "query_grad"]>,
    AllTypesMatch<["key", "key_grad"]>, AllTypesMatch<["value", "value_grad"]>,
    AllTypesMatch<["output", "gradient"]>]> {
  let summary = "gradients of attention with respect to query, key and value";
  let description = [{
    With `P = exp(scores - lse)` and `dS = P (gradient value^T - rowsum(gradient
    output))`: `value_grad = P^T gradient`, `query_grad = scale dS key`,
    `key_grad = scale dS^T query` (arXiv 2205.14135, section B.2). `output` and
    `lse` are the results of `pock.attention` with these operands and attributes.
    Results without readers are not computed.

    Constraints: `attention_grad_c1`: as `pock.attention`; `attention_grad_c2`:
    `output`, `lse` and `gradient` have the types of its results.

    Example:
    ```mlir
    %dq, %dk, %dv = pock.attention_grad %q, %k, %v, %o, %lse, %g {scale = 0.5 : f64, causal = true}
        : (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x1xf32>, tensor<2x8x4xf32>)
        -> (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>)
    ```
  }];
  let arguments = (ins Pock_FloatTensor:$query, Pock_FloatTensor:$key,
                       Pock_FloatTensor:$value, Pock_FloatTensor:$output,
                       Pock_FloatTensor:$lse, Pock_FloatTensor:$gradient,
                       Optional<Pock_NumberTensor>:$mask,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       DefaultValuedAttr<BoolAttr, "false">:$causal);
  let results = (outs Pock_FloatTensor:$query_grad, Pock_FloatTensor:$key_grad,
                      Pock_FloatTensor:$value_grad);
  let hasVerifier = 1;
}

#endif // POCK_ATTENTION_OPS_TD
