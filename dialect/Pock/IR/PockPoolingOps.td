//===- PockPoolingOps.td - pooling -------------------------*- tablegen -*-===//

#ifndef POCK_POOLING_OPS_TD
#define POCK_POOLING_OPS_TD

include "Pock/IR/PockContractionOps.td"

defvar Pock_KernelArgument = (ins DenseI64ArrayAttr:$kernel);
def Pock_PooledTensor : StaticShapeTensorOf<[AnyFloat, I8]>;

def Pock_MaxPoolOp : Pock_InferredOp<"max_pool", AnchorRole, [Pock_Vjp]> {
  let summary = "1-D or 2-D max pooling";
  let description = [{
    The maximum of each window. Padding is never the maximum; NaN is. The first
    maximum of a window, in row-major order, receives the gradient.

    Constraints: `window_c1` to `window_c3` as `pock.conv`; `pool_c1`: padding
    is less than the dilated kernel, so that no window lies in it (the high side
    may exceed this by less than one stride, PyTorch's `ceil_mode`).

    Example:
    ```mlir
    %y = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
        pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
    ```
  }];
  let arguments = !con((ins Pock_PooledTensor:$input), Pock_KernelArgument,
                       Pock_WindowArguments, Pock_LayoutArgument);
  let results = (outs Pock_PooledTensor:$result);
}

def Pock_MaxPoolIndexOp : Pock_InferredOp<"max_pool_index", OpaqueRole, [Inactive]> {
  let summary = "which entry of each window is its first maximum";
  let description = [{
    The row-major position within the window of the entry that `pock.max_pool`
    returns, as `i8` if that is large enough, else `i32`. The gradient of max
    pooling saves nothing else.

    Constraints: as `pock.max_pool`.

    Example:
    ```mlir
    %i = pock.max_pool_index %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
        pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xi8>
    ```
  }];
  let arguments = !con((ins Pock_FloatTensor:$input), Pock_KernelArgument,
                       Pock_WindowArguments, Pock_LayoutArgument);
  let results = (outs Pock_IntTensor:$result);
}

def Pock_MaxPoolGradOp : Pock_PureOp<"max_pool_grad", AnchorRole, []> {
  let summary = "input gradient of pock.max_pool";
  let description = [{
    Adds each entry of `gradient` to the entry of its window whose position is
    `index`. Not differentiated again.

    Constraints: `max_pool_grad_c1`: `pock.max_pool` of a tensor of the result's
    type has the type of `gradient`; `max_pool_grad_c2`: `index` has its shape.

    Example:
    ```mlir
    %dx = pock.max_pool_grad %g, %i {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
        pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>, tensor<1x3x4x4xi8>) -> tensor<1x3x8x8xf32>
    ```
  }];
  let arguments = !con((ins Pock_FloatTensor:$gradient, Pock_IntTensor:$index),
                       Pock_KernelArgument, Pock_WindowArguments, Pock_LayoutArgument);
  let results = (outs Pock_FloatTensor:$result);
  let hasVerifier = 1;
}

def Pock_SumPoolOp : Pock_InferredOp<"sum_pool", AnchorRole, [Pock_Vjp]> {
  let summary = "sum of each window, padding counting as zero";
  let description = [{
    Average pooling is `pock.sum_pool` divided by the number of entries that
    count: the kernel's size, or with PyTorch's `count_include_pad=False` a
    constant per window (`pock.avg_pool` decomposes so).

    Constraints: `window_c1` to `window_c3` as `pock.conv`.

    Example:
    ```mlir
    %y = pock.sum_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
        pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
    ```
  }];
  let arguments = !con((ins Pock_ProductTensor:$input), Pock_KernelArgument,
                       Pock_WindowArguments, Pock_LayoutArgument);
  let results = (outs Pock_ProductTensor:$result);
}

def Pock_SumPoolGradOp : Pock_PureOp<"sum_pool_grad", AnchorRole, [Pock_Vjp]> {
  let summary = "input gradient of pock.sum_pool, its transpose";
  let description = [{
    Adds each entry of `gradient` to all entries of its window.

    Constraints: `sum_pool_grad_c1`: `pock.sum_pool` of a tensor of the result's
    type has the type of `gradient`.

    Example:
    ```mlir
    %dx = pock.sum_pool_grad %g {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
        pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32>
    ```
  }];
  let arguments = !con((ins Pock_FloatTensor:$gradient), Pock_KernelArgument,
                       Pock_WindowArguments, Pock_LayoutArgument);
  let results = (outs Pock_FloatTensor:$result);
  let hasVerifier = 1;
}

def Pock_AvgPoolOp : Pock_InferredOp<"avg_pool", AnchorRole, [Pock_Decomposable]> {
  let summary = "1-D or 2-D average pooling";
  let description = [{
    The sum of each window over its divisor: `divisor` if given; else the number
    of entries within the input plus, with `count_include_pad`, within the
    padding of `pad_low` on both sides (`ceil_mode` is expressed by a larger
    `pad_high`, whose excess never counts). Dilation is one. Decomposed to
    `pock.sum_pool` before differentiation.

    Constraints: `window_c1` to `window_c3` as `pock.conv`; `avg_pool_c1`:
    `divisor` is not zero; `avg_pool_c2`: every window contains an entry that counts.

    Example:
    ```mlir
    %y = pock.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
        pad_high = array<i64: 0, 0>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
    ```
  }];
  let arguments = !con((ins Pock_FloatTensor:$input), Pock_KernelArgument,
    (ins DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pad_low,
         DenseI64ArrayAttr:$pad_high,
         DefaultValuedAttr<BoolAttr, "true">:$count_include_pad,
         OptionalAttr<I64Attr>:$divisor),
    Pock_LayoutArgument);
  let results = (outs Pock_FloatTensor:$result);
}

def Pock_AdaptiveAvgPoolOp : Pock_PureOp<"adaptive_avg_pool", AnchorRole, [Pock_Decomposable]> {
  let summary = "average pooling to a given size";
  let description = [{
    Window `i` of a dimension spans `floor(i * in / out)` to
    `ceil((i + 1) * in / out)`, as PyTorch's `adaptive_avg_pool`. The sizes are
    given by the result type. Decomposed before differentiation: to a mean
    (output size one), `pock.avg_pool` (output divides input) or a product with
    constant averaging matrices.

    Constraints: `adaptive_avg_pool_c1`: input and result differ in spatial
    dimensions only, of which there are one or two.

    Example: `%y = pock.adaptive_avg_pool %x : (tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32>`
  }];
  let arguments = !con((ins Pock_FloatTensor:$input), Pock_LayoutArgument);
  let results = (outs Pock_FloatTensor:$result);
  let hasVerifier = 1;
}

#endif // POCK_POOLING_OPS_TD
