//===- PockElementwiseOps.td - elementwise ops -------------*- tablegen -*-===//

#ifndef POCK_ELEMENTWISE_OPS_TD
#define POCK_ELEMENTWISE_OPS_TD

include "Pock/IR/PockOpBase.td"

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

class Pock_UnaryOp<string mnemonic, ElementwiseRole role, list<Trait> traits = []>
    : Pock_PureOp<mnemonic, role, !listconcat(
          [SameOperandsAndResultType, Pock_Elementwise, Pock_Vjp], traits)> {
  let arguments = (ins Pock_FloatTensor:$input);
  let results = (outs Pock_FloatTensor:$result);
}

def Pock_NegOp : Pock_UnaryOp<"neg", InstructionRole> {
  let summary = "elementwise negation";
  let description = [{
    `result = -input`.

    Example: `%y = pock.neg %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let hasFolder = 1;
}
def Pock_AbsOp : Pock_UnaryOp<"abs", InstructionRole> {
  let summary = "elementwise absolute value";
  let description = [{
    `result = |input|`; the gradient at zero is zero, as in PyTorch.

    Example: `%y = pock.abs %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_SignOp : Pock_PureOp<"sign", SimpleRole, [SameOperandsAndResultType, Pock_Elementwise, Inactive]> {
  let summary = "elementwise sign";
  let description = [{
    -1, 0 or 1; 0 for NaN, as `torch.sign`. Not differentiable: its gradient is zero.

    Example: `%y = pock.sign %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input);
  let results = (outs Pock_FloatTensor:$result);
}
def Pock_ExpOp : Pock_UnaryOp<"exp", FunctionRole> {
  let summary = "elementwise exponential";
  let description = [{
    `result = exp(input)`.

    Example: `%y = pock.exp %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_Expm1Op : Pock_UnaryOp<"expm1", FunctionRole> {
  let summary = "elementwise exp(x) - 1, accurate near zero";
  let description = [{
    `result = exp(input) - 1`.

    Example: `%y = pock.expm1 %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_LogOp : Pock_UnaryOp<"log", FunctionRole> {
  let summary = "elementwise natural logarithm";
  let description = [{
    `result = log(input)`; NaN for negative numbers.

    Example: `%y = pock.log %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_Log1pOp : Pock_UnaryOp<"log1p", FunctionRole> {
  let summary = "elementwise log(1 + x), accurate near zero";
  let description = [{
    `result = log(1 + input)`.

    Example: `%y = pock.log1p %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_SqrtOp : Pock_UnaryOp<"sqrt", SimpleRole> {
  let summary = "elementwise square root";
  let description = [{
    `result = sqrt(input)`; the gradient at zero is infinite, as in PyTorch.

    Example: `%y = pock.sqrt %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_RsqrtOp : Pock_UnaryOp<"rsqrt", SimpleRole> {
  let summary = "elementwise reciprocal square root";
  let description = [{
    `result = 1 / sqrt(input)`, correctly rounded in both steps.

    Example: `%y = pock.rsqrt %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_ErfOp : Pock_UnaryOp<"erf", FunctionRole> {
  let summary = "elementwise error function";
  let description = [{
    `result = erf(input)`.

    Example: `%y = pock.erf %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_ErfcOp : Pock_UnaryOp<"erfc", FunctionRole> {
  let summary = "elementwise complementary error function";
  let description = [{
    `result = 1 - erf(input)`, accurate also for tiny results.

    Example: `%y = pock.erfc %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_SinOp : Pock_UnaryOp<"sin", FunctionRole> {
  let summary = "elementwise sine";
  let description = [{
    `result = sin(input)`, of radians.

    Example: `%y = pock.sin %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_CosOp : Pock_UnaryOp<"cos", FunctionRole> {
  let summary = "elementwise cosine";
  let description = [{
    `result = cos(input)`, of radians.

    Example: `%y = pock.cos %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_AtanOp : Pock_UnaryOp<"atan", FunctionRole> {
  let summary = "elementwise arc tangent";
  let description = [{
    `result = atan(input)`, in radians.

    Example: `%y = pock.atan %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}

class Pock_StepwiseOp<string mnemonic> : Pock_PureOp<mnemonic, SimpleRole,
    [SameOperandsAndResultType, Pock_Elementwise, Inactive, Idempotent]> {
  let arguments = (ins Pock_FloatTensor:$input);
  let results = (outs Pock_FloatTensor:$result);
}
def Pock_FloorOp : Pock_StepwiseOp<"floor"> {
  let summary = "elementwise largest integer not above";
  let description = [{
    Not differentiable: the gradient is zero, as in PyTorch.

    Example: `%y = pock.floor %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_RoundOp : Pock_StepwiseOp<"round"> {
  let summary = "elementwise nearest integer, halves to the even one";
  let description = [{
    As `torch.round`. Not differentiable: the gradient is zero.

    Example: `%y = pock.round %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_StopGradientOp : Pock_PureOp<"stop_gradient", SimpleRole,
    [SameOperandsAndResultType, Pock_Elementwise, Inactive, Idempotent]> {
  let summary = "the same values, constant to differentiation";
  let description = [{
    `torch.Tensor.detach`. `pock-build-step` removes it.

    Example: `%y = pock.stop_gradient %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$input);
  let results = (outs Pock_NumberTensor:$result);
}
def Pock_TanhOp : Pock_UnaryOp<"tanh", FunctionRole> {
  let summary = "elementwise hyperbolic tangent";
  let description = [{
    `result = tanh(input)`; the gradient reads the result.

    Example: `%y = pock.tanh %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_SigmoidOp : Pock_UnaryOp<"sigmoid", FunctionRole> {
  let summary = "elementwise logistic function";
  let description = [{
    `result = 1 / (1 + exp(-input))`; the gradient reads the result.

    Example: `%y = pock.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_ReluOp : Pock_UnaryOp<"relu", InstructionRole, [Idempotent]> {
  let summary = "elementwise max(x, 0)";
  let description = [{
    NaN stays NaN. The gradient at zero is zero; it reads the result.

    Example: `%y = pock.relu %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_HardtanhOp : Pock_UnaryOp<"hardtanh", InstructionRole> {
  let summary = "limit to an interval, gradient zero at its ends";
  let description = [{
    `min(max(input, min), max)` as `torch.nn.functional.hardtanh`; `relu6` is
    `hardtanh` with 0 and 6. Unlike `pock.clamp`, the gradient is zero at both
    ends; it reads the result.

    Constraints: `hardtanh_c1`: `min <= max`.

    Example: `%y = pock.hardtanh %x {min = 0.0, max = 6.0} : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input,
                       DefaultValuedAttr<F64Attr, "-1.0">:$min,
                       DefaultValuedAttr<F64Attr, "1.0">:$max);
  let hasVerifier = 1;
}
def Pock_ClampOp : Pock_UnaryOp<"clamp", SimpleRole> {
  let summary = "limit to an interval, gradient one at its ends";
  let description = [{
    `min(max(input, min), max)` as `torch.clamp`; either end may be absent. The
    gradient passes where `min <= input <= max`.

    Constraints: `clamp_c1`: at least one end is given.

    Example: `%y = pock.clamp %x {min = 0.0} : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input, OptionalAttr<F64Attr>:$min,
                       OptionalAttr<F64Attr>:$max);
  let hasVerifier = 1;
}
def Pock_LeakyReluOp : Pock_UnaryOp<"leaky_relu", SimpleRole> {
  let summary = "elementwise x if x > 0 else slope * x";
  let description = [{
    The gradient at zero is `slope`, as in PyTorch.

    Example: `%y = pock.leaky_relu %x {slope = 0.01} : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input,
                       DefaultValuedAttr<F64Attr, "0.01">:$slope);
}
def Pock_EluOp : Pock_UnaryOp<"elu", FunctionRole> {
  let summary = "elementwise scale * (x if x > 0 else alpha * (exp(input_scale * x) - 1))";
  let description = [{
    `torch.nn.functional.elu`; with its constants also `selu` (`scale`) and
    `celu` (`input_scale = 1 / alpha`).

    Example: `%y = pock.elu %x {alpha = 1.0} : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input,
                       DefaultValuedAttr<F64Attr, "1.0">:$alpha,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       DefaultValuedAttr<F64Attr, "1.0">:$input_scale);
}
def Pock_HardswishOp : Pock_UnaryOp<"hardswish", SimpleRole> {
  let summary = "elementwise x * relu6(x + 3) / 6";
  let description = [{
    The gradient is zero up to and including -3, `x / 3 + 1/2` below 3, and one
    from 3 on, as in PyTorch 2.13.

    Example: `%y = pock.hardswish %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_HardsigmoidOp : Pock_UnaryOp<"hardsigmoid", SimpleRole> {
  let summary = "elementwise relu6(x + 3) / 6";
  let description = [{
    The gradient is 1/6 for `-3 < x < 3` and zero elsewhere.

    Example: `%y = pock.hardsigmoid %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_SiluOp : Pock_UnaryOp<"silu", FunctionRole> {
  let summary = "elementwise x * sigmoid(x)";
  let description = [{
    `torch.nn.functional.silu`, also known as swish.

    Example: `%y = pock.silu %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_GeluOp : Pock_UnaryOp<"gelu", FunctionRole> {
  let summary = "elementwise Gaussian error linear unit";
  let description = [{
    `x * (1 + erf(x / sqrt(2))) / 2`, or with `approximate = tanh`
    `x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2`
    (Hendrycks and Gimpel, arXiv 1606.08415).

    Example: `%y = pock.gelu %x {approximate = #pock.gelu<tanh>} : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input,
    DefaultValuedAttr<Pock_GeluApproximationAttr, "::mlir::pock::GeluApproximation::None">:$approximate);
}
def Pock_SoftplusOp : Pock_UnaryOp<"softplus", FunctionRole> {
  let summary = "elementwise log(1 + exp(beta * x)) / beta";
  let description = [{
    The identity where `beta * x > threshold`, as `torch.nn.functional.softplus`.

    Constraints: `softplus_c1`: `beta` is not zero.

    Example: `%y = pock.softplus %x : (tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$input,
                       DefaultValuedAttr<F64Attr, "1.0">:$beta,
                       DefaultValuedAttr<F64Attr, "20.0">:$threshold);
  let hasVerifier = 1;
}
def Pock_NotOp : Pock_PureOp<"not", MaskRole, [SameOperandsAndResultType, Pock_Elementwise, Inactive]> {
  let summary = "elementwise logical negation";
  let description = [{
    Example: `%y = pock.not %x : (tensor<4xi1>) -> tensor<4xi1>`
  }];
  let arguments = (ins Pock_BoolTensor:$input);
  let results = (outs Pock_BoolTensor:$result);
}
def Pock_CastOp : Pock_PureOp<"cast", SimpleRole, [Pock_Elementwise, Pock_Vjp]> {
  let summary = "elementwise conversion of the element type";
  let description = [{
    Float to integer truncates toward zero. Values out of range and NaN become
    the smallest `i32` or `i64`, as in PyTorch on x86; `i8` and `i16` are the low
    bits of the `i32`. A conversion to `i1` is true if the value is not zero (NaN
    is not zero); `i1` converts to 0 or 1. `f32` to `bf16` rounds to nearest, but
    finite values stay finite: the smallest `f32`, which masks often contain,
    becomes the smallest `bf16`. Differentiable between floating-point types.

    Constraints: `cast_c1`: operand and result have the same shape.

    Example: `%y = pock.cast %x : (tensor<4xi64>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$input);
  let results = (outs Pock_NumberTensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Binary and more
//===----------------------------------------------------------------------===//

/// Operands broadcast in NumPy's way and have one element type.
class Pock_BinaryOp<string mnemonic, ElementwiseRole role, Type type, list<Trait> traits = []>
    : Pock_InferredOp<mnemonic, role, !listconcat([Pock_Elementwise], traits)> {
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
}

def Pock_AddOp : Pock_BinaryOp<"add", InstructionRole, Pock_NumberTensor, [Commutative, Pock_Vjp]> {
  let summary = "elementwise sum with broadcasting";
  let description = [{
    On `i1` it is logical or, and `pock.mul` logical and, as in PyTorch.

    Example: `%y = pock.add %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>`
  }];
  let hasFolder = 1;
}
def Pock_SubOp : Pock_BinaryOp<"sub", InstructionRole, Pock_NumberTensor, [Pock_Vjp]> {
  let summary = "elementwise difference with broadcasting";
  let description = [{
    Example: `%y = pock.sub %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>`
  }];
  let hasFolder = 1;
}
def Pock_MulOp : Pock_BinaryOp<"mul", InstructionRole, Pock_NumberTensor, [Commutative, Pock_Vjp]> {
  let summary = "elementwise product with broadcasting";
  let description = [{
    Example: `%y = pock.mul %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>`
  }];
  let hasFolder = 1;
}
def Pock_DivOp : Pock_BinaryOp<"div", SimpleRole, Pock_FloatTensor, [Pock_Vjp]> {
  let summary = "elementwise quotient with broadcasting";
  let description = [{
    Example: `%y = pock.div %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>`
  }];
  let hasFolder = 1;
}
def Pock_PowOp : Pock_BinaryOp<"pow", FunctionRole, Pock_FloatTensor, [Pock_Vjp]> {
  let summary = "elementwise power with broadcasting";
  let description = [{
    Gradients follow PyTorch: that of the base is zero where the exponent is
    zero, that of the exponent is zero where the base is zero and the exponent
    is not negative.

    Example: `%y = pock.pow %a, %b : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>`
  }];
  let hasCanonicalizer = 1;
}
def Pock_FmodOp : Pock_BinaryOp<"fmod", FunctionRole, Pock_FloatTensor, [Pock_Vjp]> {
  let summary = "elementwise remainder of the truncated quotient";
  let description = [{
    `lhs - trunc(lhs / rhs) * rhs` without rounding, as `fmod` of C and
    `torch.fmod`: it has the sign of `lhs`, is `lhs` where `rhs` is infinite, and
    NaN where `rhs` is zero or `lhs` infinite.

    Example: `%y = pock.fmod %a, %b : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>`
  }];
}
def Pock_MaximumOp : Pock_BinaryOp<"maximum", InstructionRole, Pock_FloatTensor, [Commutative, Pock_Vjp]> {
  let summary = "elementwise maximum with broadcasting";
  let description = [{
    NaN if either operand is. Equal operands share the gradient half and half,
    as in PyTorch.

    Example: `%y = pock.maximum %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_MinimumOp : Pock_BinaryOp<"minimum", InstructionRole, Pock_FloatTensor, [Commutative, Pock_Vjp]> {
  let summary = "elementwise minimum with broadcasting";
  let description = [{
    NaN if either operand is. Equal operands share the gradient half and half.

    Example: `%y = pock.minimum %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>`
  }];
}
def Pock_AndOp : Pock_BinaryOp<"and", MaskRole, Pock_IntTensor, [Commutative, Inactive]> {
  let summary = "elementwise logical and, of integers bit by bit, with broadcasting";
  let description = [{
    Example: `%y = pock.and %a, %b : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>`
  }];
}
def Pock_OrOp : Pock_BinaryOp<"or", MaskRole, Pock_IntTensor, [Commutative, Inactive]> {
  let summary = "elementwise logical or, of integers bit by bit, with broadcasting";
  let description = [{
    Example: `%y = pock.or %a, %b : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>`
  }];
}
def Pock_FloorDivOp : Pock_BinaryOp<"floor_div", SimpleRole, Pock_WholeTensor, [Inactive]> {
  let summary = "elementwise integer quotient, rounded down, with broadcasting";
  let description = [{
    Python's `//`, exact for all integers. The quotient of the smallest integer
    and -1 wraps around; a quotient by zero is zero.

    Example: `%y = pock.floor_div %a, %b : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>`
  }];
}
def Pock_TruncDivOp : Pock_BinaryOp<"trunc_div", SimpleRole, Pock_WholeTensor, [Inactive]> {
  let summary = "elementwise integer quotient, rounded toward zero, with broadcasting";
  let description = [{
    C's `/`, exact for all integers. The quotient of the smallest integer and -1
    wraps around; a quotient by zero is zero.

    Example: `%y = pock.trunc_div %a, %b : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>`
  }];
}
def Pock_ShiftLeftOp : Pock_BinaryOp<"shift_left", SimpleRole, Pock_WholeTensor, [Inactive]> {
  let summary = "elementwise shift to the left with broadcasting";
  let description = [{
    Zero where the count is negative or not less than the number of bits, as in
    PyTorch.

    Example: `%y = pock.shift_left %a, %n : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>`
  }];
}
def Pock_ShiftRightOp : Pock_BinaryOp<"shift_right", SimpleRole, Pock_WholeTensor, [Inactive]> {
  let summary = "elementwise arithmetic shift to the right with broadcasting";
  let description = [{
    The sign, 0 or -1, where the count is negative or not less than the number
    of bits, as in PyTorch.

    Example: `%y = pock.shift_right %a, %n : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>`
  }];
}
def Pock_CmpOp : Pock_InferredOp<"cmp", MaskRole, [Pock_Elementwise, Inactive]> {
  let summary = "elementwise comparison with broadcasting";
  let description = [{
    Example: `%m = pock.cmp %a, %b {predicate = #pock.cmp<gt>} : (tensor<4xf32>, tensor<f32>) -> tensor<4xi1>`
  }];
  let arguments = (ins Pock_NumberTensor:$lhs, Pock_NumberTensor:$rhs,
                       Pock_CmpPredicateAttr:$predicate);
  let results = (outs Pock_BoolTensor:$result);
}
def Pock_SelectOp : Pock_InferredOp<"select", SimpleRole, [Pock_Elementwise, Pock_Vjp]> {
  let summary = "elementwise choice with broadcasting";
  let description = [{
    `result = condition ? on_true : on_false`. The value that is not chosen has
    gradient zero, even if it is infinite or NaN.

    Example: `%y = pock.select %m, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_BoolTensor:$condition, Pock_NumberTensor:$on_true,
                       Pock_NumberTensor:$on_false);
  let results = (outs Pock_NumberTensor:$result);
}

def Pock_WithDerivativesOp : Pock_PureOp<"with_derivatives", SimpleRole,
    [SameVariadicOperandSize, Pock_Elementwise, Pock_Vjp]> {
  let summary = "a value whose derivatives are given";
  let description = [{
    `result = value`. The gradient does not flow to `value`. Instead, the gradient
    of each of `inputs` is the cotangent times the entry of `derivatives` with the
    same index. This is for functions whose formula has, at single points, another
    gradient than PyTorch's function, or none. Inputs and derivatives broadcast to
    the result. `pock-build-step` removes it.

    Constraints: `with_derivatives_c1`: result and value have the same type;
    `with_derivatives_c2`: all operands have one element type, and inputs and
    derivatives broadcast to the result.

    Example: `%y = pock.with_derivatives %v, %x, %d : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$value,
                       Variadic<Pock_FloatTensor>:$inputs,
                       Variadic<Pock_FloatTensor>:$derivatives);
  let results = (outs Pock_FloatTensor:$result);
  let hasVerifier = 1;
}

#endif // POCK_ELEMENTWISE_OPS_TD
