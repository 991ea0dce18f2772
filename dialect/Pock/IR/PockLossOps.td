//===- PockLossOps.td - losses -----------------------------*- tablegen -*-===//

#ifndef POCK_LOSS_OPS_TD
#define POCK_LOSS_OPS_TD

include "Pock/IR/PockOpBase.td"

/// Losses that are decomposed before differentiation.
class Pock_LossOp<string mnemonic, list<Trait> traits = []>
    : Pock_InferredOp<mnemonic, AnchorRole, !listconcat([Pock_Decomposable], traits)> {
  let results = (outs Pock_FloatTensor:$loss);
}
defvar Pock_ReductionArgument = (ins
  DefaultValuedAttr<Pock_ReductionAttr, "::mlir::pock::Reduction::Mean">:$reduction);

def Pock_CrossEntropyOp : Pock_LossOp<"cross_entropy"> {
  let summary = "cross entropy of logits and class indices";
  let description = [{
    `torch.nn.functional.cross_entropy` with class indices: `logits`
    `[N, C, …]`, `target` `[N, …]` of integers, `weight` `[C]` or absent. With
    `logp = log_softmax(logits)` and `w = 1` if there is no weight,
    `loss_n = -((1 - s) * w[t] * logp[t] + s / C * sum_c w[c] * logp[c])` where
    `s` is `label_smoothing` and `t` the target; zero where `t` is
    `ignore_index`. `mean` divides the sum by the sum of `w[t]` over the targets
    that are not ignored. A target outside of `[0, C)` is no class, and no memory
    is read for it; the front end adds a `pock.fail_if` for it.

    Constraints: `cross_entropy_c1`: `logits` has rank at least 2 and `target`
    its shape without dimension 1; `cross_entropy_c2`: `weight` has `C` entries;
    `cross_entropy_c3`: `label_smoothing` is in `[0, 1]`.

    Example: `%l = pock.cross_entropy %x, %t : (tensor<8x10xf32>, tensor<8xi64>) -> tensor<f32>`
  }];
  let arguments = !con((ins Pock_FloatTensor:$logits, Pock_IntTensor:$target,
                            Optional<Pock_FloatTensor>:$weight),
                       Pock_ReductionArgument,
                       (ins DefaultValuedAttr<I64Attr, "-100">:$ignore_index,
                            DefaultValuedAttr<F64Attr, "0.0">:$label_smoothing));
}
class Pock_PointwiseLossOp<string mnemonic> : Pock_LossOp<mnemonic> {
  let arguments = !con((ins Pock_FloatTensor:$input, Pock_FloatTensor:$target),
                       Pock_ReductionArgument);
}
def Pock_MseLossOp : Pock_PointwiseLossOp<"mse_loss"> {
  let summary = "mean squared error";
  let description = [{
    `(input - target)^2`, reduced; operands broadcast.

    Example: `%l = pock.mse_loss %x, %t : (tensor<8x10xf32>, tensor<8x10xf32>) -> tensor<f32>`
  }];
}
def Pock_L1LossOp : Pock_PointwiseLossOp<"l1_loss"> {
  let summary = "mean absolute error";
  let description = [{
    `|input - target|`, reduced; operands broadcast.

    Example: `%l = pock.l1_loss %x, %t : (tensor<8x10xf32>, tensor<8x10xf32>) -> tensor<f32>`
  }];
}
def Pock_BceWithLogitsOp : Pock_LossOp<"bce_with_logits", [AttrSizedOperandSegments]> {
  let summary = "binary cross entropy of logits";
  let description = [{
    `weight * ((1 - t) * x + (1 + (pos_weight - 1) * t) * softplus(-x))`,
    reduced, as `torch.nn.functional.binary_cross_entropy_with_logits`.
    `weight` and `pos_weight` broadcast and may be absent.

    Constraints: `bce_c1`: `input` and `target` have the same type.

    Example:
    ```mlir
    %l = pock.bce_with_logits %x, %t {operandSegmentSizes = array<i32: 1, 1, 0, 0>}
        : (tensor<8xf32>, tensor<8xf32>) -> tensor<f32>
    ```
  }];
  let arguments = !con((ins Pock_FloatTensor:$input, Pock_FloatTensor:$target,
                            Optional<Pock_FloatTensor>:$weight,
                            Optional<Pock_FloatTensor>:$pos_weight),
                       Pock_ReductionArgument);
}

def Pock_BceOp : Pock_PureOp<"bce", SimpleRole, [SameOperandsAndResultType, Pock_Elementwise, Pock_Vjp]> {
  let summary = "elementwise binary cross entropy of probabilities";
  let description = [{
    `-(t * max(log(x), -100) + (1 - t) * max(log(1 - x), -100))`, as
    `torch.nn.functional.binary_cross_entropy`. The gradient of `x` is
    `(x - t) / max(x * (1 - x), 1e-12)`. Unlike the derivative of the formula, it
    is not zero where a logarithm is limited.

    Example: `%y = pock.bce %x, %t : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input, Pock_FloatTensor:$target);
  let results = (outs Pock_FloatTensor:$result);
}

#endif // POCK_LOSS_OPS_TD
