//===- PockOptimizerOps.td - parameter updates -------------*- tablegen -*-===//

#ifndef POCK_OPTIMIZER_OPS_TD
#define POCK_OPTIMIZER_OPS_TD

include "Pock/IR/PockOpBase.td"

/// Elementwise with several results; scalars broadcast. Made after
/// differentiation, hence never differentiated.
class Pock_UpdateOp<string mnemonic, list<Trait> traits = []>
    : Pock_PureOp<mnemonic, SimpleRole, !listconcat([Pock_Elementwise], traits)>;

def Pock_SgdUpdateOp : Pock_UpdateOp<"sgd_update", [AttrSizedOperandSegments]> {
  let summary = "one step of stochastic gradient descent";
  let description = [{
    As `torch.optim.SGD`, with `g` the gradient (negated if `maximize`) plus
    `weight_decay * param`: without `momentum_buffer`, `param - lr * g`. With it
    `b = momentum * momentum_buffer + scale * g`, where `scale` is 1 in the
    first step and then `1 - dampening`, and the update is `b`, or with
    `nesterov` `g + momentum * b`.

    Constraints: `update_c1`: parameter, gradient, states and results have one
    type and scalars its element type; `sgd_update_c1`: `momentum_buffer`, `scale` and the second result are
    present together.

    Example:
    ```mlir
    %p = pock.sgd_update %param, %g, %lr {optimizer = #pock.sgd, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
        : (tensor<4xf32>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins Pock_FloatTensor:$param, Pock_FloatTensor:$gradient,
                       Pock_ScalarTensor:$lr,
                       Optional<Pock_FloatTensor>:$momentum_buffer,
                       Optional<Pock_ScalarTensor>:$scale,
                       Pock_SgdAttr:$optimizer);
  let results = (outs Pock_FloatTensor:$new_param,
                      Optional<Pock_FloatTensor>:$new_momentum_buffer);
  let hasVerifier = 1;
}

def Pock_AdamUpdateOp : Pock_UpdateOp<"adam_update"> {
  let summary = "one step of Adam or AdamW";
  let description = [{
    As `torch.optim.Adam` and `AdamW` (Kingma and Ba, arXiv 1412.6980;
    Loshchilov and Hutter, arXiv 1711.05101). `correction1` and `correction2`
    are `1 - beta^step`.

    Constraints: `update_c1` as `pock.sgd_update`; `adam_update_c1`:
    `max_exp_avg_sq` and the fourth result are present with `amsgrad` only.

    Example:
    ```mlir
    %p, %m, %v = pock.adam_update %param, %g, %lr, %c1, %c2, %exp_avg, %exp_avg_sq {optimizer = #pock.adam}
       
        : (tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<4xf32>, tensor<4xf32>)
        -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    ```
  }];
  let arguments = (ins Pock_FloatTensor:$param, Pock_FloatTensor:$gradient,
                       Pock_ScalarTensor:$lr, Pock_ScalarTensor:$correction1,
                       Pock_ScalarTensor:$correction2,
                       Pock_FloatTensor:$exp_avg, Pock_FloatTensor:$exp_avg_sq,
                       Optional<Pock_FloatTensor>:$max_exp_avg_sq,
                       Pock_AdamAttr:$optimizer);
  let results = (outs Pock_FloatTensor:$new_param, Pock_FloatTensor:$new_exp_avg,
                      Pock_FloatTensor:$new_exp_avg_sq,
                      Optional<Pock_FloatTensor>:$new_max_exp_avg_sq);
  let hasVerifier = 1;
}

#endif // POCK_OPTIMIZER_OPS_TD
