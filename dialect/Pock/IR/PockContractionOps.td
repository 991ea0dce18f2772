//===- PockContractionOps.td - matmul, linear, convolution -*- tablegen -*-===//

#ifndef POCK_CONTRACTION_OPS_TD
#define POCK_CONTRACTION_OPS_TD

include "Pock/IR/PockOpBase.td"

/// Of an op with a weight.
defvar Pock_DeclareInputChannels = [{
  std::optional<InputChannels> getInputChannels(unsigned operand);
}];

def Pock_MatmulOp : Pock_InferredOp<"matmul", ContractionRole<>, [Pock_Vjp, Relaxed]> {
  let summary = "matrix product, batched over leading dimensions";
  let description = [{
    `[…, M, K] x […, K, N] -> […, M, N]`. `transpose_lhs` says that the left
    operand is `[…, K, M]`, `transpose_rhs` that the right one is `[…, N, K]`.

    The product of integers is exact in `i32`, modulo 2^32. Their zero points
    are subtracted first: the factors are `lhs - lhs_zero` and `rhs - rhs_zero`.

    Constraints: `factors_c1`: both operands have the same element type, or both
    are integers; `matmul_c1`: they have the same rank, at least 2;
    `matmul_c2`: leading dimensions are equal (broadcast them with
    `pock.expand`); `matmul_c3`: the contracted dimensions are equal;
    `zero_c1`: zero points are between -128 and 127, and 0 for floats.

    Example: `%y = pock.matmul %a, %b {transpose_lhs} : (tensor<8x2xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>`
  }];
  let arguments = (ins Pock_FactorTensor:$lhs, Pock_FactorTensor:$rhs,
                       UnitAttr:$transpose_lhs, UnitAttr:$transpose_rhs,
                       DefaultValuedAttr<I64Attr, "0">:$lhs_zero,
                       DefaultValuedAttr<I64Attr, "0">:$rhs_zero);
  let results = (outs Pock_ProductTensor:$result);
  let extraClassDeclaration = Pock_DeclareInputChannels;
}

def Pock_LinearOp : Pock_InferredOp<"linear", ContractionRole<>, [Pock_Decomposable]> {
  let summary = "affine map without bias: x times the transposed weight";
  let description = [{
    `[…, K], [N, K] -> […, N]`; PyTorch's weight layout. The bias is a
    `pock.add`. Decomposed to reshape, transpose and `pock.matmul` before
    differentiation. Integers as for `pock.matmul`, with the zero point of the
    input.

    Constraints: `linear_c1`: the weight has rank 2, and the element type of the
    input; `linear_c2`: the last dimensions of input and weight are equal;
    `zero_c1` as `pock.matmul`.

    Example: `%y = pock.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>`
  }];
  let arguments = (ins Pock_FactorTensor:$input, Pock_FactorTensor:$weight,
                       DefaultValuedAttr<I64Attr, "0">:$input_zero);
  let results = (outs Pock_ProductTensor:$result);
  let extraClassDeclaration = Pock_DeclareInputChannels;
}

defvar Pock_WindowArguments = (ins
  DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pad_low,
  DenseI64ArrayAttr:$pad_high, DenseI64ArrayAttr:$dilations);
defvar Pock_LayoutArgument = (ins
  DefaultValuedAttr<Pock_LayoutAttr, "::mlir::pock::Layout::ChannelsFirst">:$layout);
defvar Pock_AlgorithmArgument = (ins
  DefaultValuedAttr<Pock_AlgorithmAttr, "::mlir::pock::Algorithm::Direct">:$algorithm);

/// Of convolutions of bytes.
defvar Pock_ZeroArguments = (ins DefaultValuedAttr<I64Attr, "0">:$input_zero,
                                 DefaultValuedAttr<I64Attr, "0">:$pad_value);

def Pock_ConvOp : Pock_InferredOp<"conv", ContractionRole<>, [Pock_Vjp, Relaxed]> {
  let summary = "1-D or 2-D convolution (cross-correlation)";
  let description = [{
    `input` `[N, C, spatial…]`, `weight` `[F, C/groups, kernel…]` ->
    `[N, F, spatial'…]` with
    `spatial' = (spatial + pad_low + pad_high - dilation * (kernel - 1) - 1) / stride + 1`,
    or the channels-last counterparts. The bias is a `pock.add`.

    The convolution of integers is exact in `i32`, modulo 2^32. `input_zero`
    is subtracted from the input first, and padding is `pad_value` after that:
    0, until `pock-fold-zero-points` makes a sum that subtracts less.

    Constraints: `window_c1`: one or two spatial dimensions and one entry of
    each attribute for each; `window_c2`: strides and dilations are positive,
    paddings are not negative; `window_c3`: the window fits the padded input;
    `conv_c1`: `groups` divides `C` and `F`; `conv_c2`: the weight has
    `C / groups` input channels; `factors_c1`, `zero_c1` as `pock.matmul`;
    `conv_c3`: `input_zero + pad_value` is from -128 to 127, and `pad_value` is
    0 for floats.

    Example:
    ```mlir
    %y = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>,
        pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64}
        : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
    ```
  }];
  let arguments = !con((ins Pock_FactorTensor:$input, Pock_FactorTensor:$weight),
                       Pock_WindowArguments,
                       (ins DefaultValuedAttr<I64Attr, "1">:$groups),
                       Pock_LayoutArgument, Pock_AlgorithmArgument,
                       Pock_ZeroArguments);
  let results = (outs Pock_ProductTensor:$result);
  let extraClassDeclaration = Pock_DeclareInputChannels;
}

def Pock_ConvTransposeOp : Pock_PureOp<"conv_transpose", ContractionRole<absorbed = 1>, [Pock_Vjp, Relaxed]> {
  let summary = "transposed convolution; the input gradient of pock.conv";
  let description = [{
    The transpose of the linear map `input -> pock.conv(input, weight)` with the
    same attributes: its operand has the shape of that convolution's result, and
    its result the shape of that convolution's input. So `input` is `[N, F, spatial'…]`, `weight` `[F, C/groups, kernel…]`
    and the result `[N, C, spatial…]`. Its spatial sizes are given by the result
    type (PyTorch's `output_padding` chooses among them).

    Integers as for `pock.conv`.

    Constraints: `conv_transpose_c1`: `pock.conv` of a tensor of the result's
    shape with these attributes has the shape of `input`; `factors_c1`,
    `zero_c1` as `pock.matmul`.

    Example:
    ```mlir
    %y = pock.conv_transpose %x, %w {strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
        pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
        : (tensor<1x4x3x3xf32>, tensor<4x2x2x2xf32>) -> tensor<1x2x6x6xf32>
    ```
  }];
  let arguments = !con((ins Pock_FactorTensor:$input, Pock_FactorTensor:$weight),
                       Pock_WindowArguments,
                       (ins DefaultValuedAttr<I64Attr, "1">:$groups),
                       Pock_LayoutArgument, Pock_AlgorithmArgument,
                       (ins DefaultValuedAttr<I64Attr, "0">:$input_zero));
  let results = (outs Pock_ProductTensor:$result);
  let hasVerifier = 1;
  let extraClassDeclaration = Pock_DeclareInputChannels;
}

def Pock_ConvWeightGradOp : Pock_PureOp<"conv_weight_grad", ContractionRole<>, []> {
  let summary = "weight gradient of pock.conv";
  let description = [{
    The gradient of `sum(gradient * pock.conv(input, weight))` with respect to
    `weight`. Not differentiated again: second derivatives are not supported.

    The sums of products of integers are exact in `i32`, modulo 2^32. Zero points,
    0 if they are absent, are subtracted first, and padding is `input_zero`.

    Constraints: `conv_weight_grad_c1`: `pock.conv` of `input` and a weight of
    the result's shape has the shape of `gradient`; `factors_c1`, `zero_c1` as
    `pock.matmul`.

    Example:
    ```mlir
    %dw = pock.conv_weight_grad %x, %g {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>,
        pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
        : (tensor<1x3x8x8xf32>, tensor<1x4x6x6xf32>) -> tensor<4x3x3x3xf32>
    ```
  }];
  let arguments = !con((ins Pock_FactorTensor:$input, Pock_FactorTensor:$gradient),
                       Pock_WindowArguments,
                       (ins DefaultValuedAttr<I64Attr, "1">:$groups),
                       Pock_LayoutArgument, Pock_AlgorithmArgument,
                       (ins OptionalAttr<I64Attr>:$input_zero,
                            OptionalAttr<I64Attr>:$gradient_zero));
  let results = (outs Pock_ProductTensor:$result);
  let hasVerifier = 1;
}

#endif // POCK_CONTRACTION_OPS_TD
