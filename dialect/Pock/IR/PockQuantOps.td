//===- PockQuantOps.td - quantisation ----------------------*- tablegen -*-===//

#ifndef POCK_QUANT_OPS_TD
#define POCK_QUANT_OPS_TD

include "Pock/IR/PockOpBase.td"

/// A tensor of integers that stand for real numbers.
def Pock_QuantizedTensor : StaticShapeTensorOf<[I8, I32, I64]>;
def Pock_ByteTensor : StaticShapeTensorOf<[I8]>;
def Pock_SumTensor : StaticShapeTensorOf<[I32, I64]>;
def Pock_MultiplierTensor : StaticShapeTensorOf<[I32]>;

/// The range of the result, the part of it that is used.
defvar Pock_RangeArguments = (ins
  DefaultValuedAttr<I64Attr, "0">:$zero_point,
  DefaultValuedAttr<I64Attr, "-128">:$min,
  DefaultValuedAttr<I64Attr, "127">:$max);

def Pock_QuantizeOp : Pock_PureOp<"quantize", SimpleRole, [Pock_Elementwise, Pock_Vjp, Relaxed]> {
  let summary = "real numbers to integers of 8 bits";
  let description = [{
    `result = clamp(round(input * (1 / scale)) + zero_point, min, max)`, halves to
    the even integer, with `1 / scale` rounded to the element type of `input`;
    PyTorch's `quantized_decomposed.quantize_per_tensor`. NaN becomes 0, as there.

    The gradient passes straight through where the rounded number is within `min`
    and `max`, both included, and is zero elsewhere.

    Constraints: `quantize_c1`: `scale` is positive and finite, and so is
    `1 / scale` in f32; `range_c1`: `-128 <= min <= max <= 127`; `range_c2`:
    `zero_point` is between -128 and 127; `quantize_c2`: operand and result have
    the same shape.

    Example: `%q = pock.quantize %x {scale = 0.05 : f64, zero_point = -3 : i64} : (tensor<4xf32>) -> tensor<4xi8>`
  }];
  let arguments = !con((ins Pock_FloatTensor:$input, F64Attr:$scale), Pock_RangeArguments);
  let results = (outs Pock_ByteTensor:$result);
  let hasVerifier = 1;
}

def Pock_DequantizeOp : Pock_PureOp<"dequantize", InstructionRole, [Pock_Elementwise, Pock_Vjp, Relaxed]> {
  let summary = "the real numbers that integers stand for";
  let description = [{
    `result = (input - zero_point) * scale * scales[…]`, where `scales`, if given,
    broadcasts to `input`: one scale per channel. Integers of more than 24 bits
    are rounded to the result's element type first.

    Constraints: `dequantize_c1`: `scale` is positive and finite; `dequantize_c2`:
    `input` and `result` have the same shape, to which `scales`, of the result's
    element type, broadcasts.

    Example: `%x = pock.dequantize %q {scale = 0.05 : f64, zero_point = -3 : i64} : (tensor<4xi8>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_QuantizedTensor:$input, Optional<Pock_FloatTensor>:$scales,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$zero_point);
  let results = (outs Pock_FloatTensor:$result);
  let hasVerifier = 1;
}

/// Operands of ops that scale a sum: `input` times `multiplier / 2^32`, or with
/// `shift` times `multiplier / 2^(32 - shift)`.
defvar Pock_RequantizeOperands = (ins Pock_SumTensor:$input, Pock_MultiplierTensor:$multiplier,
                                      Optional<Pock_MultiplierTensor>:$shift);

def Pock_RequantizeOp : Pock_PureOp<"requantize", SimpleRole, [Pock_Elementwise, Pock_Vjp, Relaxed]> {
  let summary = "a sum of integers scaled to 8 bits";
  let description = [{
    `result = clamp(floor(input * multiplier / 2^(32 - shift) + 1/2) + zero_point, min, max)`
    in exact integers; `shift` is 0 if it is absent. `multiplier` and `shift`
    broadcast to `input`: one per channel. So the scale of a sum is
    `multiplier / 2^(32 - shift)`, and the error is half a step, plus less than
    `|input| * 2^(shift - 33)` because the multiplier is rounded.

    The gradient passes straight through, times that scale, where the number
    before clamping is within `min` and `max`, both included
    (`pock.requantize_mask`), and is zero elsewhere.

    Constraints: `range_c1`, `range_c2` as `pock.quantize`; `requantize_c1`:
    `input` and `result` have the same shape, to which the others broadcast. The
    products must be less than 2^62; multipliers are not negative, and shifts are
    between 0 and 31.

    Example: `%y = pock.requantize %acc, %m {zero_point = -128 : i64} : (tensor<1x8x8x4xi32>, tensor<4xi32>) -> tensor<1x8x8x4xi8>`
  }];
  let arguments = !con(Pock_RequantizeOperands, Pock_RangeArguments);
  let results = (outs Pock_ByteTensor:$result);
  let hasVerifier = 1;
}

def Pock_RequantizeMaskOp : Pock_PureOp<"requantize_mask", MaskRole, [Pock_Elementwise, Inactive]> {
  let summary = "where pock.requantize does not clamp";
  let description = [{
    True where the result of `pock.requantize` with these operands and attributes
    is within `min` and `max` before clamping.

    Constraints: as `pock.requantize`.

    Example: `%m = pock.requantize_mask %acc, %m : (tensor<8x4xi32>, tensor<4xi32>) -> tensor<8x4xi1>`
  }];
  let arguments = !con(Pock_RequantizeOperands, Pock_RangeArguments);
  let results = (outs Pock_BoolTensor:$result);
  let hasVerifier = 1;
}

def Pock_QuantizedUpdateOp : Pock_PureOp<"quantized_update", RandomRole, [Pock_Elementwise,
    AttrSizedOperandSegments, AllTypesMatch<["param", "result"]>]> {
  let summary = "adds a real change to integers";
  let description = [{
    `result = clamp(param + R(change * inverse_scale), min, max)` without
    overflow, where `inverse_scale`, the inverse of the parameter's scale,
    broadcasts to `param`. A change that is NaN leaves the entry as it is. `R` of an
    `i32` is limited to `±(2^31 - 128)`.

    Without `seed` and `step`, `R` rounds to nearest, halves to the even integer.
    With them, it rounds at random so that the mean is exact: `R(d) = floor(d + u)`
    with `u` the upper 24 bits of the entry's random number as a fraction of one.
    Keys and counters are those of `pock.dropout` with `stream` and `strides`, but
    both words of a block are used: entry `n` has word `n mod 2` of block `n / 2`.

    Constraints: `quantized_update_c1`: `change` has the shape of `param`, to
    which `inverse_scale`, of its element type, broadcasts; `quantized_update_c2`:
    `seed` and `step` are present together, and then `strides` has an entry for
    each dimension; `quantized_update_c3`: `min <= max`, both integers of the
    parameter's width.

    Example:
    ```mlir
    %q = pock.quantized_update %param, %change, %inverse {min = -127 : i64, max = 127 : i64,
        operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
        : (tensor<4x2xi8>, tensor<4x2xf32>, tensor<4x1xf32>) -> tensor<4x2xi8>
    ```
  }];
  let arguments = (ins StaticShapeTensorOf<[I8, I32]>:$param, Pock_FloatTensor:$change,
                       Pock_FloatTensor:$inverse_scale,
                       Optional<0DTensorOf<[I64]>>:$seed, Optional<0DTensorOf<[I64]>>:$step,
                       I64Attr:$min, I64Attr:$max,
                       DefaultValuedAttr<I64Attr, "0">:$stream,
                       OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs StaticShapeTensorOf<[I8, I32]>:$result);
  let hasVerifier = 1;
}

def Pock_MagnitudeOp : Pock_PureOp<"magnitude", InstructionRole, [Pock_Elementwise]> {
  let summary = "the bits of absolute values, which are in their order";
  let description = [{
    The bits of `|input|` as an integer. A larger number has a larger integer, and
    infinity and NaN have the largest: 0x7f800000 and more. Not differentiated.

    Constraints: `magnitude_c1`: operand and result have the same shape.

    Example: `%m = pock.magnitude %g : (tensor<4xf32>) -> tensor<4xi32>`
  }];
  let arguments = (ins StaticShapeTensorOf<[F32]>:$input);
  let results = (outs StaticShapeTensorOf<[I32]>:$result);
  let hasVerifier = 1;
}

defvar Pock_BlockArguments = (ins 0DTensorOf<[I32]>:$maximum, I64Attr:$bits);

def Pock_BlockQuantizeOp : Pock_PureOp<"block_quantize", SimpleRole, [Pock_Elementwise]> {
  let summary = "real numbers to 16 bits, with a power of two from the maximum";
  let description = [{
    `result = round(input * 2^e)`. `maximum` is the largest `pock.magnitude` of the
    tensor, or a larger one, and `e` the largest integer with
    `|result| < 2^(bits - 1)` for all numbers up to it (of a maximum below 2^-126,
    that of 2^-126).

    An `i16` is the nearest integer, halves to the even one, exact for all finite
    numbers. An `f16` is the nearest number of that type.

    If `maximum` is infinite or NaN, the result is undefined, and
    `pock.block_dequantize` gives NaN for any. Not differentiated.

    Constraints: `block_c1`: `bits` is from 4 to 16 for `i16`, and from -8 to 2 for
    `f16`; `block_quantize_c1`: operand and result have the same shape.

    Example: `%q = pock.block_quantize %g, %max {bits = 16 : i64} : (tensor<4xf32>, tensor<i32>) -> tensor<4xi16>`
  }];
  let arguments = !con((ins StaticShapeTensorOf<[F32]>:$input), Pock_BlockArguments);
  let results = (outs StaticShapeTensorOf<[I16, F16]>:$result);
  let hasVerifier = 1;
}

def Pock_BlockDequantizeOp : Pock_PureOp<"block_dequantize", SimpleRole, [Pock_Elementwise]> {
  let summary = "sums of block-quantised numbers as real numbers";
  let description = [{
    `result = f32(input) * 2^-e` with the `e` of `pock.block_quantize` for the same
    `maximum` and `bits`. Both the conversion and the product round to nearest,
    halves to even; the product is exact unless it is denormal or too large. NaN,
    for every `input`, if `maximum` is infinite or NaN. `input` are sums of `i16`,
    or of `f16`. Not differentiated.

    Constraints: `block_c1` as `pock.block_quantize`; `block_dequantize_c1`:
    operand and result have the same shape.

    Example: `%y = pock.block_dequantize %acc, %max {bits = 16 : i64} : (tensor<4xi32>, tensor<i32>) -> tensor<4xf32>`
  }];
  let arguments = !con((ins StaticShapeTensorOf<[I32, F16]>:$input), Pock_BlockArguments);
  let results = (outs StaticShapeTensorOf<[F32]>:$result);
  let hasVerifier = 1;
}

#endif // POCK_QUANT_OPS_TD
