// RUN: pock-opt %s | pock-opt | FileCheck %s
// RUN: pock-opt %s --verify-roundtrip -o /dev/null

// The examples of the op descriptions, in the order of the .td files.

// CHECK-LABEL: func.func @attention(
// CHECK: pock.attention %arg0, %arg1, %arg2 {causal = true, scale = 5.000000e-01 : f64} : (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<2x8x1xf32>)
func.func @attention(%q: tensor<2x8x4xf32>, %k: tensor<2x8x4xf32>, %v: tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<2x8x1xf32>) {
  %o, %lse = pock.attention %q, %k, %v {scale = 0.5 : f64, causal = true}
      : (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<2x8x1xf32>)
  return %o, %lse : tensor<2x8x4xf32>, tensor<2x8x1xf32>
}

// Other sizes of keys and of values, a mask that is shared by the heads.
// CHECK-LABEL: func.func @attention_masked(
// CHECK: pock.attention %arg0, %arg1, %arg2, %arg3 : (tensor<2x3x4xf32>, tensor<2x8x4xf32>, tensor<2x8x5xf32>, tensor<1x8xi1>) -> (tensor<2x3x5xf32>, tensor<2x3x1xf32>)
func.func @attention_masked(%q: tensor<2x3x4xf32>, %k: tensor<2x8x4xf32>, %v: tensor<2x8x5xf32>, %mask: tensor<1x8xi1>) -> tensor<2x3x5xf32> {
  %o, %lse = pock.attention %q, %k, %v, %mask
      : (tensor<2x3x4xf32>, tensor<2x8x4xf32>, tensor<2x8x5xf32>, tensor<1x8xi1>) -> (tensor<2x3x5xf32>, tensor<2x3x1xf32>)
  return %o : tensor<2x3x5xf32>
}

// CHECK-LABEL: func.func @attention_grad(
// CHECK: pock.attention_grad %arg0, %arg0, %arg0, %arg0, %arg1, %arg2 {causal = true, scale = 5.000000e-01 : f64} :
func.func @attention_grad(%x: tensor<2x8x4xf32>, %lse: tensor<2x8x1xf32>, %g: tensor<2x8x4xf32>) -> tensor<2x8x4xf32> {
  %dq, %dk, %dv = pock.attention_grad %x, %x, %x, %x, %lse, %g {scale = 0.5 : f64, causal = true}
      : (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x1xf32>, tensor<2x8x4xf32>)
      -> (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>)
  return %dq : tensor<2x8x4xf32>
}

// CHECK-LABEL: func.func @matmul(
// CHECK: pock.matmul %arg0, %arg1 {transpose_lhs} : (tensor<8x2xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
func.func @matmul(%a: tensor<8x2xf32>, %b: tensor<8x4xf32>) -> tensor<2x4xf32> {
  %y = pock.matmul %a, %b {transpose_lhs} : (tensor<8x2xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @linear(
// CHECK: pock.linear %arg0, %arg1 : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
func.func @linear(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>) -> tensor<2x4xf32> {
  %y = pock.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @conv(
// CHECK: pock.conv %arg0, %arg1 {dilations = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
func.func @conv(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32> {
  %y = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>,
      pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64}
      : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return %y : tensor<1x4x8x8xf32>
}

// CHECK-LABEL: func.func @conv_transpose(
// CHECK: pock.conv_transpose %arg0, %arg1 {dilations = array<i64: 1, 1>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x4x3x3xf32>, tensor<4x2x2x2xf32>) -> tensor<1x2x6x6xf32>
func.func @conv_transpose(%x: tensor<1x4x3x3xf32>, %w: tensor<4x2x2x2xf32>) -> tensor<1x2x6x6xf32> {
  %y = pock.conv_transpose %x, %w {strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
      pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x3x3xf32>, tensor<4x2x2x2xf32>) -> tensor<1x2x6x6xf32>
  return %y : tensor<1x2x6x6xf32>
}

// CHECK-LABEL: func.func @conv_weight_grad(
// CHECK: pock.conv_weight_grad %arg0, %arg1 {dilations = array<i64: 1, 1>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<1x4x6x6xf32>) -> tensor<4x3x3x3xf32>
func.func @conv_weight_grad(%x: tensor<1x3x8x8xf32>, %g: tensor<1x4x6x6xf32>) -> tensor<4x3x3x3xf32> {
  %dw = pock.conv_weight_grad %x, %g {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>,
      pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>, tensor<1x4x6x6xf32>) -> tensor<4x3x3x3xf32>
  return %dw : tensor<4x3x3x3xf32>
}

// CHECK-LABEL: func.func @neg(
// CHECK: pock.neg %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @neg(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @abs(
// CHECK: pock.abs %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @abs(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.abs %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @sign(
// CHECK: pock.sign %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @sign(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.sign %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @exp(
// CHECK: pock.exp %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @exp(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @expm1(
// CHECK: pock.expm1 %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @expm1(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.expm1 %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @log(
// CHECK: pock.log %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @log(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.log %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @log1p(
// CHECK: pock.log1p %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @log1p(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.log1p %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @sqrt(
// CHECK: pock.sqrt %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @sqrt(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.sqrt %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @rsqrt(
// CHECK: pock.rsqrt %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @rsqrt(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.rsqrt %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @erf(
// CHECK: pock.erf %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @erf(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.erf %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @sin(
// CHECK: pock.sin %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @sin(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.sin %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @cos(
// CHECK: pock.cos %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @cos(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.cos %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @atan(
// CHECK: pock.atan %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @atan(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.atan %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @floor(
// CHECK: pock.floor %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @floor(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.floor %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @round(
// CHECK: pock.round %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @round(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.round %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @custom_gradient(
// CHECK: %[[Y:.+]]:2, %[[DY:.+]]:2 = pock.custom_gradient inputs(%arg0 : tensor<4xf32>) values(%arg0, %arg1 : tensor<4xf32>, tensor<2xf32>)
// CHECK: pock.set_gradients %[[Y]]#0 gives %[[DY]]#0 : tensor<4xf32>, tensor<4xf32>
func.func @custom_gradient(%x: tensor<4xf32>, %w: tensor<2xf32>) -> tensor<4xf32> {
  %y:2, %dy:2 = pock.custom_gradient inputs(%x : tensor<4xf32>) values(%x, %w : tensor<4xf32>, tensor<2xf32>)
  pock.set_gradients %y#0 gives %dy#0 : tensor<4xf32>, tensor<4xf32>
  return %y#0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @without_inputs(
// CHECK: %[[Y:.+]], %{{.+}} = pock.custom_gradient inputs() values(%arg0 : tensor<4xf32>)
// CHECK: pock.set_gradients %[[Y]] gives : tensor<4xf32>
func.func @without_inputs(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y, %dy = pock.custom_gradient inputs() values(%x : tensor<4xf32>)
  pock.set_gradients %y gives : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @erfc(
// CHECK: pock.erfc %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @erfc(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.erfc %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @fmod(
// CHECK: pock.fmod %arg0, %arg1 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
func.func @fmod(%a: tensor<4xf32>, %b: tensor<f32>) -> tensor<4xf32> {
  %y = pock.fmod %a, %b : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @with_derivatives(
// CHECK: pock.with_derivatives %arg0, %arg0, %arg1, %arg0, %arg1 : (tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
func.func @with_derivatives(%x: tensor<4xf32>, %s: tensor<f32>) -> tensor<4xf32> {
  %y = pock.with_derivatives %x, %x, %s, %x, %s : (tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @stop_gradient(
// CHECK: pock.stop_gradient %arg0 : (tensor<4xi64>) -> tensor<4xi64>
func.func @stop_gradient(%x: tensor<4xi64>) -> tensor<4xi64> {
  %y = pock.stop_gradient %x : (tensor<4xi64>) -> tensor<4xi64>
  return %y : tensor<4xi64>
}

// CHECK-LABEL: func.func @tanh(
// CHECK: pock.tanh %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @tanh(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.tanh %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @sigmoid(
// CHECK: pock.sigmoid %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @sigmoid(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @relu(
// CHECK: pock.relu %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @relu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @hardtanh(
// CHECK: pock.hardtanh %arg0 {max = 6.000000e+00 : f64, min = 0.000000e+00 : f64} : (tensor<4xf32>) -> tensor<4xf32>
func.func @hardtanh(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.hardtanh %x {min = 0.0, max = 6.0} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @clamp(
// CHECK: pock.clamp %arg0 {min = 0.000000e+00 : f64} : (tensor<4xf32>) -> tensor<4xf32>
func.func @clamp(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.clamp %x {min = 0.0} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @leaky_relu(
// CHECK: pock.leaky_relu %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @leaky_relu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.leaky_relu %x {slope = 0.01} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @elu(
// CHECK: pock.elu %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @elu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.elu %x {alpha = 1.0} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @hardswish(
// CHECK: pock.hardswish %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @hardswish(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.hardswish %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @hardsigmoid(
// CHECK: pock.hardsigmoid %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @hardsigmoid(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.hardsigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @silu(
// CHECK: pock.silu %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @gelu(
// CHECK: pock.gelu %arg0 {approximate = #pock.gelu<tanh>} : (tensor<4xf32>) -> tensor<4xf32>
func.func @gelu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.gelu %x {approximate = #pock.gelu<tanh>} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @softplus(
// CHECK: pock.softplus %arg0 : (tensor<4xf32>) -> tensor<4xf32>
func.func @softplus(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.softplus %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @not(
// CHECK: pock.not %arg0 : (tensor<4xi1>) -> tensor<4xi1>
func.func @not(%x: tensor<4xi1>) -> tensor<4xi1> {
  %y = pock.not %x : (tensor<4xi1>) -> tensor<4xi1>
  return %y : tensor<4xi1>
}

// CHECK-LABEL: func.func @cast(
// CHECK: pock.cast %arg0 : (tensor<4xi64>) -> tensor<4xf32>
func.func @cast(%x: tensor<4xi64>) -> tensor<4xf32> {
  %y = pock.cast %x : (tensor<4xi64>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @add(
// CHECK: pock.add %arg0, %arg1 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
func.func @add(%a: tensor<2x4xf32>, %b: tensor<4xf32>) -> tensor<2x4xf32> {
  %y = pock.add %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @sub(
// CHECK: pock.sub %arg0, %arg1 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
func.func @sub(%a: tensor<2x4xf32>, %b: tensor<4xf32>) -> tensor<2x4xf32> {
  %y = pock.sub %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @mul(
// CHECK: pock.mul %arg0, %arg1 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
func.func @mul(%a: tensor<2x4xf32>, %b: tensor<4xf32>) -> tensor<2x4xf32> {
  %y = pock.mul %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @div(
// CHECK: pock.div %arg0, %arg1 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
func.func @div(%a: tensor<2x4xf32>, %b: tensor<4xf32>) -> tensor<2x4xf32> {
  %y = pock.div %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @pow(
// CHECK: pock.pow %arg0, %arg1 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
func.func @pow(%a: tensor<4xf32>, %b: tensor<f32>) -> tensor<4xf32> {
  %y = pock.pow %a, %b : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @maximum(
// CHECK: pock.maximum %arg0, %arg1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @maximum(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.maximum %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @minimum(
// CHECK: pock.minimum %arg0, %arg1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @minimum(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.minimum %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @and(
// CHECK: pock.and %arg0, %arg1 : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
func.func @and(%a: tensor<4xi1>, %b: tensor<4xi1>) -> tensor<4xi1> {
  %y = pock.and %a, %b : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  return %y : tensor<4xi1>
}

// CHECK-LABEL: func.func @or(
// CHECK: pock.or %arg0, %arg1 : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
func.func @or(%a: tensor<4xi1>, %b: tensor<4xi1>) -> tensor<4xi1> {
  %y = pock.or %a, %b : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  return %y : tensor<4xi1>
}

// CHECK-LABEL: func.func @and_bits(
// CHECK: pock.and %arg0, %arg1 : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
func.func @and_bits(%a: tensor<4xi64>, %b: tensor<4xi64>) -> tensor<4xi64> {
  %y = pock.and %a, %b : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  return %y : tensor<4xi64>
}

// CHECK-LABEL: func.func @floor_div(
// CHECK: pock.floor_div %arg0, %arg1 : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
func.func @floor_div(%a: tensor<4xi64>, %b: tensor<i64>) -> tensor<4xi64> {
  %y = pock.floor_div %a, %b : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
  return %y : tensor<4xi64>
}

// CHECK-LABEL: func.func @trunc_div(
// CHECK: pock.trunc_div %arg0, %arg1 : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
func.func @trunc_div(%a: tensor<4xi64>, %b: tensor<i64>) -> tensor<4xi64> {
  %y = pock.trunc_div %a, %b : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
  return %y : tensor<4xi64>
}

// CHECK-LABEL: func.func @shift_left(
// CHECK: pock.shift_left %arg0, %arg1 : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
func.func @shift_left(%a: tensor<4xi64>, %b: tensor<i64>) -> tensor<4xi64> {
  %y = pock.shift_left %a, %b : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
  return %y : tensor<4xi64>
}

// CHECK-LABEL: func.func @shift_right(
// CHECK: pock.shift_right %arg0, %arg1 : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
func.func @shift_right(%a: tensor<4xi64>, %b: tensor<i64>) -> tensor<4xi64> {
  %y = pock.shift_right %a, %b : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
  return %y : tensor<4xi64>
}

// CHECK-LABEL: func.func @cmp(
// CHECK: pock.cmp %arg0, %arg1 {predicate = #pock.cmp<gt>} : (tensor<4xf32>, tensor<f32>) -> tensor<4xi1>
func.func @cmp(%a: tensor<4xf32>, %b: tensor<f32>) -> tensor<4xi1> {
  %m = pock.cmp %a, %b {predicate = #pock.cmp<gt>} : (tensor<4xf32>, tensor<f32>) -> tensor<4xi1>
  return %m : tensor<4xi1>
}

// CHECK-LABEL: func.func @select(
// CHECK: pock.select %arg0, %arg1, %arg2 : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
func.func @select(%m: tensor<4xi1>, %a: tensor<4xf32>, %b: tensor<f32>) -> tensor<4xf32> {
  %y = pock.select %m, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @take(
// CHECK: pock.take %arg0, %arg1 {dim = 0 : i64} : (tensor<10x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
func.func @take(%x: tensor<10x4xf32>, %i: tensor<2x3xi64>) -> tensor<2x3x4xf32> {
  %y = pock.take %x, %i {dim = 0 : i64} : (tensor<10x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// One index takes the dimension away.
// CHECK-LABEL: func.func @take_one(
// CHECK: pock.take %arg0, %arg1 {dim = 1 : i64} : (tensor<10x4xi1>, tensor<i32>) -> tensor<10xi1>
func.func @take_one(%x: tensor<10x4xi1>, %i: tensor<i32>) -> tensor<10xi1> {
  %y = pock.take %x, %i {dim = 1 : i64} : (tensor<10x4xi1>, tensor<i32>) -> tensor<10xi1>
  return %y : tensor<10xi1>
}

// CHECK-LABEL: func.func @scatter_add(
// CHECK: pock.scatter_add %arg0, %arg1, %arg2 {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
func.func @scatter_add(%x: tensor<10x4xf32>, %i: tensor<3xi64>, %u: tensor<3x4xf32>) -> tensor<10x4xf32> {
  %y = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
  return %y : tensor<10x4xf32>
}

// CHECK-LABEL: func.func @cross_entropy(
// CHECK: pock.cross_entropy %arg0, %arg1 : (tensor<8x10xf32>, tensor<8xi64>) -> tensor<f32>
func.func @cross_entropy(%x: tensor<8x10xf32>, %t: tensor<8xi64>) -> tensor<f32> {
  %l = pock.cross_entropy %x, %t : (tensor<8x10xf32>, tensor<8xi64>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @mse_loss(
// CHECK: pock.mse_loss %arg0, %arg1 : (tensor<8x10xf32>, tensor<8x10xf32>) -> tensor<f32>
func.func @mse_loss(%x: tensor<8x10xf32>, %t: tensor<8x10xf32>) -> tensor<f32> {
  %l = pock.mse_loss %x, %t : (tensor<8x10xf32>, tensor<8x10xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @l1_loss(
// CHECK: pock.l1_loss %arg0, %arg1 : (tensor<8x10xf32>, tensor<8x10xf32>) -> tensor<f32>
func.func @l1_loss(%x: tensor<8x10xf32>, %t: tensor<8x10xf32>) -> tensor<f32> {
  %l = pock.l1_loss %x, %t : (tensor<8x10xf32>, tensor<8x10xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @bce_with_logits(
// CHECK: pock.bce_with_logits %arg0, %arg1 {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<8xf32>, tensor<8xf32>) -> tensor<f32>
func.func @bce_with_logits(%x: tensor<8xf32>, %t: tensor<8xf32>) -> tensor<f32> {
  %l = pock.bce_with_logits %x, %t {operandSegmentSizes = array<i32: 1, 1, 0, 0>}
      : (tensor<8xf32>, tensor<8xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @bce(
// CHECK: pock.bce %arg0, %arg0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @bce(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = pock.bce %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @batch_norm(
// CHECK: pock.batch_norm %arg0, %arg1, %arg2, %arg3, %arg4 {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x4x4xf32>
func.func @batch_norm(%x: tensor<2x3x4x4xf32>, %mean: tensor<3xf32>, %var: tensor<3xf32>, %w: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<2x3x4x4xf32> {
  %y = pock.batch_norm %x, %mean, %var, %w, %b {axis = 1 : i64, eps = 1.0e-5 : f64,
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
      : (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x4x4xf32>
  return %y : tensor<2x3x4x4xf32>
}

// CHECK-LABEL: func.func @batch_norm_train(
// CHECK: pock.batch_norm_train %arg0, %arg1, %arg2 {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>)
func.func @batch_norm_train(%x: tensor<2x3x4x4xf32>, %w: tensor<3xf32>, %b: tensor<3xf32>) -> (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>) {
  %y, %mean, %var = pock.batch_norm_train %x, %w, %b {axis = 1 : i64,
      operandSegmentSizes = array<i32: 1, 1, 1>}
      : (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>)
  return %y, %mean, %var : tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @normalize(
// CHECK: pock.normalize %arg0 {dims = array<i64: 1>} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x1xf32>)
// CHECK: pock.normalize %arg0 {centered = false, dims = array<i64: 0, 1>, eps = 5.000000e-01 : f64} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<1x1xf32>)
func.func @normalize(%x: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %y, %r = pock.normalize %x {dims = array<i64: 1>, eps = 1.0e-5 : f64, centered = true} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x1xf32>)
  %z, %s = pock.normalize %x {dims = array<i64: 0, 1>, eps = 0.5 : f64, centered = false} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<1x1xf32>)
  return %y, %z : tensor<2x8xf32>, tensor<2x8xf32>
}

// CHECK-LABEL: func.func @sgd_update(
// CHECK: pock.sgd_update %arg0, %arg1, %arg2 {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, optimizer = #pock.sgd} : (tensor<4xf32>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
func.func @sgd_update(%param: tensor<4xf32>, %g: tensor<4xf32>, %lr: tensor<f32>) -> tensor<4xf32> {
  %p = pock.sgd_update %param, %g, %lr {optimizer = #pock.sgd, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
      : (tensor<4xf32>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %p : tensor<4xf32>
}

// CHECK-LABEL: func.func @adam_update(
// CHECK: pock.adam_update %arg0, %arg1, %arg2, %arg3, %arg4, %arg5, %arg6 {optimizer = #pock.adam} : (tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
func.func @adam_update(%param: tensor<4xf32>, %g: tensor<4xf32>, %lr: tensor<f32>, %c1: tensor<f32>, %c2: tensor<f32>, %exp_avg: tensor<4xf32>, %exp_avg_sq: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %p, %m, %v = pock.adam_update %param, %g, %lr, %c1, %c2, %exp_avg, %exp_avg_sq {optimizer = #pock.adam}
      : (tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<4xf32>, tensor<4xf32>)
      -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return %p, %m, %v : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @max_pool(
// CHECK: pock.max_pool %arg0 {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
func.func @max_pool(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32> {
  %y = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
      pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return %y : tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @max_pool_index(
// CHECK: pock.max_pool_index %arg0 {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xi8>
func.func @max_pool_index(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xi8> {
  %i = pock.max_pool_index %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
      pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xi8>
  return %i : tensor<1x3x4x4xi8>
}

// CHECK-LABEL: func.func @max_pool_grad(
// CHECK: pock.max_pool_grad %arg0, %arg1 {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x3x4x4xf32>, tensor<1x3x4x4xi8>) -> tensor<1x3x8x8xf32>
func.func @max_pool_grad(%g: tensor<1x3x4x4xf32>, %i: tensor<1x3x4x4xi8>) -> tensor<1x3x8x8xf32> {
  %dx = pock.max_pool_grad %g, %i {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
      pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>, tensor<1x3x4x4xi8>) -> tensor<1x3x8x8xf32>
  return %dx : tensor<1x3x8x8xf32>
}

// CHECK-LABEL: func.func @sum_pool(
// CHECK: pock.sum_pool %arg0 {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
func.func @sum_pool(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32> {
  %y = pock.sum_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
      pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return %y : tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @sum_pool_grad(
// CHECK: pock.sum_pool_grad %arg0 {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32>
func.func @sum_pool_grad(%g: tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32> {
  %dx = pock.sum_pool_grad %g {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
      pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32>
  return %dx : tensor<1x3x8x8xf32>
}

// CHECK-LABEL: func.func @avg_pool(
// CHECK: pock.avg_pool %arg0 {kernel = array<i64: 2, 2>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
func.func @avg_pool(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32> {
  %y = pock.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>,
      pad_high = array<i64: 0, 0>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return %y : tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @adaptive_avg_pool(
// CHECK: pock.adaptive_avg_pool %arg0 : (tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32>
func.func @adaptive_avg_pool(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32> {
  %y = pock.adaptive_avg_pool %x : (tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32>
  return %y : tensor<1x3x1x1xf32>
}

// CHECK-LABEL: func.func @dropout(
// CHECK: pock.dropout %arg0, %arg1, %arg2 {offset = 8 : i64, p = 1.000000e-01 : f64, stream = 0 : i64, strides = array<i64: 4, 1>} : (tensor<2x4xf32>, tensor<i64>, tensor<i64>) -> tensor<2x4xf32>
func.func @dropout(%x: tensor<2x4xf32>, %seed: tensor<i64>, %step: tensor<i64>) -> tensor<2x4xf32> {
  %y = pock.dropout %x, %seed, %step {p = 0.1 : f64, stream = 0 : i64, strides = array<i64: 4, 1>, offset = 8 : i64}
      : (tensor<2x4xf32>, tensor<i64>, tensor<i64>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @sum(
// CHECK: pock.sum %arg0 {dims = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>
func.func @sum(%x: tensor<2x4xf32>) -> tensor<2xf32> {
  %y = pock.sum %x {dims = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @mean(
// CHECK: pock.mean %arg0 {dims = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
func.func @mean(%x: tensor<2x4xf32>) -> tensor<f32> {
  %y = pock.mean %x {dims = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

// CHECK-LABEL: func.func @amax(
// CHECK: pock.amax %arg0 {dims = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>
func.func @amax(%x: tensor<2x4xf32>) -> tensor<2xf32> {
  %y = pock.amax %x {dims = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: func.func @argmax(
// CHECK: pock.argmax %arg0 {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2xi64>
func.func @argmax(%x: tensor<2x4xf32>) -> tensor<2xi64> {
  %i = pock.argmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2xi64>
  return %i : tensor<2xi64>
}

// CHECK-LABEL: func.func @argmax_of_integers(
// CHECK: pock.amax %arg0 {dims = array<i64: 1>} : (tensor<2x4xi64>) -> tensor<2xi64>
// CHECK: pock.argmax %arg0 {dim = 1 : i64} : (tensor<2x4xi64>) -> tensor<2xi64>
func.func @argmax_of_integers(%x: tensor<2x4xi64>) -> (tensor<2xi64>, tensor<2xi64>) {
  %y = pock.amax %x {dims = array<i64: 1>} : (tensor<2x4xi64>) -> tensor<2xi64>
  %i = pock.argmax %x {dim = 1 : i64} : (tensor<2x4xi64>) -> tensor<2xi64>
  return %y, %i : tensor<2xi64>, tensor<2xi64>
}

// CHECK-LABEL: func.func @cumsum(
// CHECK: pock.cumsum %arg0 {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
// CHECK: pock.cumsum %{{.+}} {dim = 0 : i64, reverse = true} : (tensor<2x4xf32>) -> tensor<2x4xf32>
func.func @cumsum(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = pock.cumsum %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %z = pock.cumsum %y {dim = 0 : i64, reverse = true} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %z : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @softmax(
// CHECK: pock.softmax %arg0 {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
func.func @softmax(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = pock.softmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @softmax_safe(
// CHECK: pock.softmax %arg0 {dim = 1 : i64, safe = true} : (tensor<2x4xf32>) -> tensor<2x4xf32>
func.func @softmax_safe(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = pock.softmax %x {dim = 1 : i64, safe = true} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @log_softmax(
// CHECK: pock.log_softmax %arg0 {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
func.func @log_softmax(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = pock.log_softmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @reshape(
// CHECK: pock.reshape %arg0 : (tensor<2x4xf32>) -> tensor<8xf32>
func.func @reshape(%x: tensor<2x4xf32>) -> tensor<8xf32> {
  %y = pock.reshape %x : (tensor<2x4xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// CHECK-LABEL: func.func @transpose(
// CHECK: pock.transpose %arg0 {permutation = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
func.func @transpose(%x: tensor<2x4xf32>) -> tensor<4x2xf32> {
  %y = pock.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// CHECK-LABEL: func.func @expand(
// CHECK: pock.expand %arg0 : (tensor<4xf32>) -> tensor<2x4xf32>
func.func @expand(%x: tensor<4xf32>) -> tensor<2x4xf32> {
  %y = pock.expand %x : (tensor<4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @concat(
// CHECK: pock.concat %arg0, %arg1 {dim = 0 : i64} : (tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>
func.func @concat(%a: tensor<2x4xf32>, %b: tensor<1x4xf32>) -> tensor<3x4xf32> {
  %y = pock.concat %a, %b {dim = 0 : i64} : (tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @slice(
// CHECK: pock.slice %arg0 {limits = array<i64: 2, 4>, starts = array<i64: 0, 1>, strides = array<i64: 1, 2>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
func.func @slice(%x: tensor<2x4xf32>) -> tensor<2x2xf32> {
  %y = pock.slice %x {starts = array<i64: 0, 1>, limits = array<i64: 2, 4>, strides = array<i64: 1, 2>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK-LABEL: func.func @insert_slice(
// CHECK: pock.insert_slice %arg0, %arg1 {limits = array<i64: 2, 4>, starts = array<i64: 0, 1>, strides = array<i64: 1, 1>} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
func.func @insert_slice(%s: tensor<2x3xf32>, %x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = pock.insert_slice %s, %x {starts = array<i64: 0, 1>, limits = array<i64: 2, 4>, strides = array<i64: 1, 1>} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @pack_bits(
// CHECK: %[[BYTES:.+]] = pock.pack_bits %arg0 : (tensor<8x2x3xi1>) -> tensor<2x3xi8>
// CHECK: pock.unpack_bits %[[BYTES]] : (tensor<2x3xi8>) -> tensor<8x2x3xi1>
func.func @pack_bits(%m: tensor<8x2x3xi1>) -> tensor<8x2x3xi1> {
  %y = pock.pack_bits %m : (tensor<8x2x3xi1>) -> tensor<2x3xi8>
  %z = pock.unpack_bits %y : (tensor<2x3xi8>) -> tensor<8x2x3xi1>
  return %z : tensor<8x2x3xi1>
}

// CHECK-LABEL: func.func @pack_one_byte(
// CHECK: %[[BYTE:.+]] = pock.pack_bits %arg0 : (tensor<8xi1>) -> tensor<i8>
// CHECK: pock.unpack_bits %[[BYTE]] : (tensor<i8>) -> tensor<8xi1>
func.func @pack_one_byte(%m: tensor<8xi1>) -> tensor<8xi1> {
  %y = pock.pack_bits %m : (tensor<8xi1>) -> tensor<i8>
  %z = pock.unpack_bits %y : (tensor<i8>) -> tensor<8xi1>
  return %z : tensor<8xi1>
}

// CHECK-LABEL: func.func @pad(
// CHECK: pock.pad %arg0 {high = array<i64: 0, 1>, interior = array<i64: 0, 0>, low = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<2x6xf32>
func.func @pad(%x: tensor<2x4xf32>) -> tensor<2x6xf32> {
  %y = pock.pad %x {low = array<i64: 0, 1>, high = array<i64: 0, 1>, interior = array<i64: 0, 0>, value = 0.0 : f64} : (tensor<2x4xf32>) -> tensor<2x6xf32>
  return %y : tensor<2x6xf32>
}

// CHECK-LABEL: func.func @constant(
// CHECK: pock.constant dense<2.000000e+00> : tensor<f32>
func.func @constant() -> tensor<f32> {
  %c = pock.constant dense<2.0> : tensor<f32>
  return %c : tensor<f32>
}

// CHECK-LABEL: func.func @iota(
// CHECK: pock.iota {dim = 1 : i64} : () -> tensor<2x4xi64>
func.func @iota() -> tensor<2x4xi64> {
  %i = pock.iota {dim = 1 : i64} : () -> tensor<2x4xi64>
  return %i : tensor<2x4xi64>
}

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

// CHECK: pock.param @conv.weight {slice = #pock.slice<axis = 1, size = 2>, trained} : tensor<16x8x3x3xf32>
pock.param @conv.weight {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<16x8x3x3xf32>
// CHECK: pock.param @bn.running_mean {kind = #pock.kind<buffer>} : tensor<16xf32>
pock.param @bn.running_mean {kind = #pock.kind<buffer>} : tensor<16xf32>
// CHECK: pock.param @w {permutation = array<i64: 1, 0>, trained} : tensor<2x4xf32>
pock.param @w {trained, permutation = array<i64: 1, 0>} : tensor<2x4xf32>
// CHECK: pock.param @w.exp_avg {kind = #pock.kind<state>, of = @w} : tensor<2x4xf32>
pock.param @w.exp_avg {kind = #pock.kind<state>, of = @w} : tensor<2x4xf32>
// CHECK: pock.param @part {slice = #pock.slice<axis = 1, size = 2>, trained} : tensor<4x2xf32>
pock.param @part {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<4x2xf32>
// CHECK: pock.param @part.rest {kind = #pock.kind<rest>, of = @part} : tensor<4x6xf32>
pock.param @part.rest {kind = #pock.kind<rest>, of = @part} : tensor<4x6xf32>
// CHECK: pock.param @prepared.0 {kind = #pock.kind<prepared>} : tensor<2xi64>
pock.param @prepared.0 {kind = #pock.kind<prepared>} : tensor<2xi64>

// CHECK-LABEL: func.func @load_param(
// CHECK: pock.load_param @conv.weight : tensor<16x8x3x3xf32>
func.func @load_param() -> tensor<16x8x3x3xf32> {
  %w = pock.load_param @conv.weight : tensor<16x8x3x3xf32>
  return %w : tensor<16x8x3x3xf32>
}

// CHECK-LABEL: func.func @store_param(
// CHECK: pock.store_param @bn.running_mean, %{{.+}} : tensor<16xf32>
func.func @store_param(%m: tensor<16xf32>) {
  pock.store_param @bn.running_mean, %m : tensor<16xf32>
  return
}

// CHECK-LABEL: func.func @sparse_update(
// CHECK: pock.sparse_update @w lr(%[[LR:.+]]) optimizer(#pock.sgd) {
// CHECK:   %[[GRADIENT:.+]] = pock.matmul
// CHECK:   pock.yield %[[GRADIENT]] : tensor<2x4xf32>
// CHECK: } : tensor<f32>
func.func @sparse_update(%x: tensor<8x2xf32>, %dy: tensor<8x4xf32>, %lr: tensor<f32>) {
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    %g = pock.matmul %x, %dy {transpose_lhs} : (tensor<8x2xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
    pock.yield %g : tensor<2x4xf32>
  } : tensor<f32>
  return
}

// CHECK-LABEL: func.func @sparse_update_shared(
// CHECK: pock.sparse_update @w lr(%{{.+}}) shared(%{{.+}}, %{{.+}} : tensor<f32>, tensor<f32>)
// CHECK-SAME: optimizer(#pock.adam<weight_decay = 1.000000e-02, decoupled = true>)
func.func @sparse_update_shared(%g: tensor<2x4xf32>, %lr: tensor<f32>, %c: tensor<f32>) {
  pock.sparse_update @w lr(%lr) shared(%c, %c : tensor<f32>, tensor<f32>)
      optimizer(#pock.adam<weight_decay = 0.01, decoupled = true>) {
    pock.yield %g : tensor<2x4xf32>
  } : tensor<f32>
  return
}

func.func private @k(tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func private @on_buffers(memref<4xf32>, memref<4xf32>)

// CHECK-LABEL: func.func @pairs(
// CHECK: pock.group_view %{{.+}} : memref<4x8xbf16> to memref<4x4xi32>
// CHECK: pock.dot %{{.+}}, %{{.+}}, %{{.+}} of bf16, bf16 : f32, i32
// CHECK: pock.dot %{{.+}}, %{{.+}}, %{{.+}} of bf16, bf16 : vector<4xf32>, vector<4xi32>
func.func @pairs(%x: memref<4x8xbf16>, %s: f32, %w: i32, %ss: vector<4xf32>, %ww: vector<4xi32>) -> (memref<4x4xi32>, f32, vector<4xf32>) {
  %p = pock.group_view %x : memref<4x8xbf16> to memref<4x4xi32>
  %r = pock.dot %s, %w, %w of bf16, bf16 : f32, i32
  %rr = pock.dot %ss, %ww, %ww of bf16, bf16 : vector<4xf32>, vector<4xi32>
  return %p, %r, %rr : memref<4x4xi32>, f32, vector<4xf32>
}

// CHECK-LABEL: func.func @padded_view(
// CHECK: pock.padded_view %{{.+}} {high = array<i64: 1, 0>, low = array<i64: 2, 0>} : memref<4x8xf32> to memref<7x8xf32, strided<[8, 1], offset: ?>>
func.func @padded_view(%x: memref<4x8xf32>) -> memref<7x8xf32, strided<[8, 1], offset: ?>> {
  %p = pock.padded_view %x {low = array<i64: 2, 0>, high = array<i64: 1, 0>} : memref<4x8xf32> to memref<7x8xf32, strided<[8, 1], offset: ?>>
  return %p : memref<7x8xf32, strided<[8, 1], offset: ?>>
}

// CHECK-LABEL: func.func @launch(
// CHECK: pock.launch @k ins(%{{.+}} : tensor<4xf32>) outs(%{{.+}} : tensor<4xf32>) -> tensor<4xf32>
// CHECK: pock.launch @on_buffers ins(%{{.+}} : memref<4xf32>) outs(%{{.+}} : memref<4xf32>)
func.func @launch(%x: tensor<4xf32>, %o: tensor<4xf32>, %a: memref<4xf32>, %b: memref<4xf32>) -> tensor<4xf32> {
  %r = pock.launch @k ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  pock.launch @on_buffers ins(%a : memref<4xf32>) outs(%b : memref<4xf32>)
  return %r : tensor<4xf32>
}

//===----------------------------------------------------------------------===//
// Attributes: defaults are not printed, numbers read back to the same bits
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func.func @default_attributes(
// CHECK: pock.hardtanh %{{[a-z0-9]+}} :
// CHECK: pock.leaky_relu %{{[a-z0-9]+}} {slope = 1.000000e-01 : f64} :
func.func @default_attributes(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = pock.hardtanh %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.leaky_relu %0 {slope = 0.1} : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @optimizers(
// CHECK-SAME: #pock.sgd<momentum = 0.12345678901234568, nesterov = true>
// CHECK-SAME: #pock.adam<beta1 = 5.000000e-01, amsgrad = true>
// CHECK-SAME: [#pock.accumulate, #pock.sgd]
func.func @optimizers() attributes {
    a = #pock.sgd<momentum = 0.12345678901234568, nesterov = true>,
    b = #pock.adam<beta1 = 0.5, amsgrad = true>,
    c = [#pock.accumulate, #pock.sgd]} {
  return
}

// CHECK-LABEL: func.func @fail_if(
// CHECK: pock.fail_if %{{.+}} {by = "aten.embedding", expected = "indices in [0, 10)", input = "ids", kind = "index", range = array<i64: 0, 10>} : tensor<i1>
func.func @fail_if(%flag: tensor<i1>) {
  pock.fail_if %flag {kind = "index", by = "aten.embedding", expected = "indices in [0, 10)",
                      input = "ids", range = array<i64: 0, 10>} : tensor<i1>
  return
}

// CHECK-LABEL: func.func @bytes(
// CHECK: pock.load_word %{{.+}}[%{{.+}}] : memref<27xi8>
// CHECK: pock.load_word %{{.+}}[%{{.+}}] {bytes = 3 : i64} : memref<27xi8>
// CHECK: pock.widen_bytes %{{[0-9]+$}}
// CHECK: pock.widen_bytes %{{.+}} odd
// CHECK: pock.multiply_halves %{{.+}}, %{{.+}}, %{{.+}} {lhs_upper}
// CHECK: pock.dot_quads %{{.+}}[%{{.+}}], %{{.+}}[%{{.+}}] from(%{{.+}}, %{{.+}}) {terms = 27 : i64} : memref<28xi32>, memref<27xi8> -> i32, i32
func.func @bytes(%x: memref<27xi8>, %a: memref<28xi32>, %i: index) -> (i32, i32) {
  %w = pock.load_word %x[%i] : memref<27xi8>
  %v = pock.load_word %x[%i] {bytes = 3 : i64} : memref<27xi8>
  %e = pock.widen_bytes %w
  %o = pock.widen_bytes %v odd
  %h = pock.multiply_halves %e, %w, %o {lhs_upper}
  %s:2 = pock.dot_quads %a[%i], %x[%i] from (%h, %o) {terms = 27 : i64} : memref<28xi32>, memref<27xi8> -> i32, i32
  return %s#0, %s#1 : i32, i32
}

// CHECK-LABEL: func.func @lanes(
// CHECK: pock.dot_lanes %{{.+}}, %{{.+}}, %{{.+}} : vector<16xi8>
// CHECK: pock.dot_lanes %{{.+}}, %{{.+}}, %{{.+}} : vector<8xi16>
func.func @lanes(%s: i32, %x: vector<16xi8>, %y: vector<8xi16>) -> i32 {
  %a = pock.dot_lanes %s, %x, %x : vector<16xi8>
  %b = pock.dot_lanes %a, %y, %y : vector<8xi16>
  return %b : i32
}

// Gradients as integers with one power of two for all: products of i16 and i8.
// CHECK-LABEL: func.func @narrow_gradients(
// CHECK: pock.magnitude %{{.+}} : (tensor<2x4xf32>) -> tensor<2x4xi32>
// CHECK: pock.block_quantize %{{.+}}, %{{.+}} {bits = 15 : i64} : (tensor<2x4xf32>, tensor<i32>) -> tensor<2x4xi16>
// CHECK: pock.matmul %{{.+}}, %{{.+}} : (tensor<2x4xi16>, tensor<4x3xi8>) -> tensor<2x3xi32>
// CHECK: pock.block_quantize %{{.+}}, %{{.+}} {bits = -8 : i64} : (tensor<2x4xf32>, tensor<i32>) -> tensor<2x4xf16>
// CHECK: pock.block_dequantize %{{.+}}, %{{.+}} {bits = 2 : i64} : (tensor<2x4xf16>, tensor<i32>) -> tensor<2x4xf32>
// CHECK: pock.block_dequantize %{{.+}}, %{{.+}} {bits = 15 : i64} : (tensor<2x3xi32>, tensor<i32>) -> tensor<2x3xf32>
// CHECK: pock.conv_weight_grad %{{.+}}, %{{.+}} {{{.*}}input_zero = -128 : i64{{.*}}} : (tensor<1x2x8xi8>, tensor<1x3x6xi16>) -> tensor<3x2x3xi32>
func.func @narrow_gradients(%g: tensor<2x4xf32>, %w: tensor<4x3xi8>, %x: tensor<1x2x8xi8>, %h: tensor<1x3x6xi16>)
    -> (tensor<2x3xf32>, tensor<3x2x3xi32>) {
  %m = pock.magnitude %g : (tensor<2x4xf32>) -> tensor<2x4xi32>
  %max = pock.amax %m {dims = array<i64: 0, 1>} : (tensor<2x4xi32>) -> tensor<i32>
  %q = pock.block_quantize %g, %max {bits = 15 : i64} : (tensor<2x4xf32>, tensor<i32>) -> tensor<2x4xi16>
  %s = pock.matmul %q, %w : (tensor<2x4xi16>, tensor<4x3xi8>) -> tensor<2x3xi32>
  %half = pock.block_quantize %g, %max {bits = -8 : i64} : (tensor<2x4xf32>, tensor<i32>) -> tensor<2x4xf16>
  %real = pock.block_dequantize %half, %max {bits = 2 : i64} : (tensor<2x4xf16>, tensor<i32>) -> tensor<2x4xf32>
  %y = pock.block_dequantize %s, %max {bits = 15 : i64} : (tensor<2x3xi32>, tensor<i32>) -> tensor<2x3xf32>
  %d = pock.conv_weight_grad %x, %h {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, input_zero = -128 : i64} : (tensor<1x2x8xi8>, tensor<1x3x6xi16>) -> tensor<3x2x3xi32>
  return %y, %d : tensor<2x3xf32>, tensor<3x2x3xi32>
}
