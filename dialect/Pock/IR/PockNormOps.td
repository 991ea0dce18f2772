//===- PockNormOps.td - normalisation ----------------------*- tablegen -*-===//

#ifndef POCK_NORM_OPS_TD
#define POCK_NORM_OPS_TD

include "Pock/IR/PockOpBase.td"

def Pock_BatchNormOp : Pock_InferredOp<"batch_norm", AnchorRole, [Pock_Decomposable, AttrSizedOperandSegments]> {
  let summary = "batch normalisation with given statistics (inference mode)";
  let description = [{
    `(input - mean) / sqrt(variance + eps) * weight + bias` per channel
    (Ioffe and Szegedy, arXiv 1502.03167). Channels are dimension `axis`;
    `weight` and `bias` may be absent. Differentiation treats the statistics as
    constants only if they depend on nothing that trains. Decomposed before
    differentiation, so that per-channel values are computed per channel.

    Constraints: `batch_norm_c1`: `axis` is within the rank; `batch_norm_c2`: all
    other operands are vectors of that dimension's size.

    Example:
    ```mlir
    %y = pock.batch_norm %x, %mean, %var, %w, %b {axis = 1 : i64, eps = 1.0e-5 : f64,
        operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
        : (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x4x4xf32>
    ```
  }];
  let arguments = (ins Pock_FloatTensor:$input, Pock_FloatTensor:$mean,
                       Pock_FloatTensor:$variance,
                       Optional<Pock_FloatTensor>:$weight,
                       Optional<Pock_FloatTensor>:$bias,
                       DefaultValuedAttr<I64Attr, "1">:$axis,
                       DefaultValuedAttr<F64Attr, "1e-5">:$eps);
  let results = (outs Pock_FloatTensor:$result);
}

def Pock_BatchNormTrainOp : Pock_InferredOp<"batch_norm_train", AnchorRole, [Pock_Decomposable, AttrSizedOperandSegments]> {
  let summary = "batch normalisation with the statistics of the batch";
  let description = [{
    Normalises with mean and biased variance of the batch, and also returns both,
    per channel. The front end builds the update of the running statistics,
    `running = (1 - momentum) * running + momentum * batch`, with the unbiased
    variance, as in PyTorch. Decomposed before differentiation.

    Constraints: `batch_norm_c1`, `batch_norm_c2` as `pock.batch_norm`;
    `batch_norm_train_c1`: more than one value per channel.

    Example:
    ```mlir
    %y, %mean, %var = pock.batch_norm_train %x, %w, %b {axis = 1 : i64,
        operandSegmentSizes = array<i32: 1, 1, 1>}
        : (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>)
    ```
  }];
  let arguments = (ins Pock_FloatTensor:$input,
                       Optional<Pock_FloatTensor>:$weight,
                       Optional<Pock_FloatTensor>:$bias,
                       DefaultValuedAttr<I64Attr, "1">:$axis,
                       DefaultValuedAttr<F64Attr, "1e-5">:$eps);
  let results = (outs Pock_FloatTensor:$result, Pock_FloatTensor:$mean,
                      Pock_FloatTensor:$variance);
}

def Pock_NormalizeOp : Pock_InferredOp<"normalize", AnchorRole, [Pock_Vjp,
    DeclareOpInterfaceMethods<DecomposableOpInterface, ["decomposesBeforeAutodiff"]>]> {
  let summary = "zero mean and unit variance over dimensions of each sample";
  let description = [{
    `normalized = (input - mean) * rstd`, `rstd = 1 / sqrt(variance + eps)` with
    mean and biased variance over `dims`; `rstd` keeps them as size 1. Without
    `centered` the mean counts as zero: `rstd = 1 / sqrt(mean(input^2) + eps)`.
    Layer, group and instance normalisation (arXiv 1607.06450, 1803.08494,
    1607.08022) and RMS normalisation (arXiv 1910.07467) are this op and an
    affine map. The gradient reads only the results, so one activation is saved.

    Constraints: `normalize_c1`: `dims` are distinct, ascending, within the rank
    and at least one.

    Example: `%y, %r = pock.normalize %x {dims = array<i64: 1>, eps = 1.0e-5 : f64, centered = true} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x1xf32>)`
  }];
  let arguments = (ins Pock_FloatTensor:$input, DenseI64ArrayAttr:$dims,
                       DefaultValuedAttr<F64Attr, "1e-5">:$eps,
                       DefaultValuedAttr<BoolAttr, "true">:$centered);
  let results = (outs Pock_FloatTensor:$normalized, Pock_FloatTensor:$rstd);
}

#endif // POCK_NORM_OPS_TD
