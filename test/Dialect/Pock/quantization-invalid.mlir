// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @quantize_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expected a positive scale with a finite inverse in f32, but got 0.0}}
  %0 = pock.quantize %x {scale = 0.0 : f64} : (tensor<4xf32>) -> tensor<4xi8>
  return
}

// -----

func.func @quantize_c1_nan(%x: tensor<4xf32>) {
  // expected-error @below {{expected a positive scale with a finite inverse in f32, but got nan}}
  %0 = pock.quantize %x {scale = 0x7FF8000000000000 : f64} : (tensor<4xf32>) -> tensor<4xi8>
  return
}

// -----

func.func @quantize_c1_tiny(%x: tensor<4xf32>) {
  // expected-error @below {{expected a positive scale with a finite inverse in f32}}
  %0 = pock.quantize %x {scale = 1.0e-40 : f64} : (tensor<4xf32>) -> tensor<4xi8>
  return
}

// -----

func.func @quantize_c2(%x: tensor<4xf32>) {
  // expected-error @below {{expected operand and result of the same shape}}
  %0 = pock.quantize %x {scale = 0.5 : f64} : (tensor<4xf32>) -> tensor<8xi8>
  return
}

// -----

func.func @range_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expected -128 <= min <= max <= 127, but got 3 and 2}}
  %0 = pock.quantize %x {scale = 0.5 : f64, min = 3 : i64, max = 2 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  return
}

// -----

func.func @range_c1_wide(%x: tensor<4xi32>, %m: tensor<i32>) {
  // expected-error @below {{expected -128 <= min <= max <= 127, but got -129 and 127}}
  %0 = pock.requantize %x, %m {min = -129 : i64} : (tensor<4xi32>, tensor<i32>) -> tensor<4xi8>
  return
}

// -----

func.func @range_c2(%x: tensor<4xf32>) {
  // expected-error @below {{expected a zero point between -128 and 127, but got 128}}
  %0 = pock.quantize %x {scale = 0.5 : f64, zero_point = 128 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  return
}

// -----

func.func @dequantize_c1(%x: tensor<4xi8>) {
  // expected-error @below {{expected a positive and finite scale, but got INF}}
  %0 = pock.dequantize %x {scale = 0x7FF0000000000000 : f64} : (tensor<4xi8>) -> tensor<4xf32>
  return
}

// -----

func.func @dequantize_c2(%x: tensor<4x2xi8>, %s: tensor<4xf32>) {
  // expected-error @below {{scales of the result's element type that broadcast to it}}
  %0 = pock.dequantize %x, %s : (tensor<4x2xi8>, tensor<4xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @requantize_c1(%x: tensor<4x2xi32>, %m: tensor<4xi32>) {
  // expected-error @below {{to which multiplier and shift broadcast}}
  %0 = pock.requantize %x, %m : (tensor<4x2xi32>, tensor<4xi32>) -> tensor<4x2xi8>
  return
}

// -----

func.func @requantize_c1_mask(%x: tensor<4x2xi32>, %m: tensor<2xi32>) {
  // expected-error @below {{expected input and result of the same shape}}
  %0 = pock.requantize_mask %x, %m : (tensor<4x2xi32>, tensor<2xi32>) -> tensor<4x1xi1>
  return
}

// -----

func.func @quantized_update_c1(%q: tensor<4xi8>, %d: tensor<2xf32>, %s: tensor<f32>) {
  // expected-error @below {{expected a change of the parameter's shape}}
  %0 = pock.quantized_update %q, %d, %s {min = -127 : i64, max = 127 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
      : (tensor<4xi8>, tensor<2xf32>, tensor<f32>) -> tensor<4xi8>
  return
}

// -----

func.func @quantized_update_c2(%q: tensor<4xi8>, %d: tensor<4xf32>, %s: tensor<f32>, %n: tensor<i64>) {
  // expected-error @below {{expected one stride per dimension of}}
  %0 = pock.quantized_update %q, %d, %s, %n, %n {min = -127 : i64, max = 127 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
      : (tensor<4xi8>, tensor<4xf32>, tensor<f32>, tensor<i64>, tensor<i64>) -> tensor<4xi8>
  return
}

// -----

func.func @quantized_update_c2_seed(%q: tensor<4xi8>, %d: tensor<4xf32>, %s: tensor<f32>, %n: tensor<i64>) {
  // expected-error @below {{expected seed and step together}}
  %0 = pock.quantized_update %q, %d, %s, %n {min = -127 : i64, max = 127 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>}
      : (tensor<4xi8>, tensor<4xf32>, tensor<f32>, tensor<i64>) -> tensor<4xi8>
  return
}

// -----

func.func @quantized_update_c3(%q: tensor<4xi8>, %d: tensor<4xf32>, %s: tensor<f32>) {
  // expected-error @below {{expected min <= max, integers of 8 bits, but got -127 and 128}}
  %0 = pock.quantized_update %q, %d, %s {min = -127 : i64, max = 128 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
      : (tensor<4xi8>, tensor<4xf32>, tensor<f32>) -> tensor<4xi8>
  return
}

// -----

func.func @zero_c1_float(%a: tensor<2x2xf32>) {
  // expected-error @below {{'pock.matmul' expected a zero point between -128 and 127, and 0 for 'f32', but got 1}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.matmul %a, %a {lhs_zero = 1 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @zero_c1_conv(%x: tensor<1x1x4xi8>, %w: tensor<1x1x1xi8>) {
  // expected-error @below {{'pock.conv' expected a zero point between -128 and 127}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, input_zero = 200 : i64} : (tensor<1x1x4xi8>, tensor<1x1x1xi8>) -> tensor<1x1x4xi32>
  return
}

// -----

func.func @conv_c3(%x: tensor<1x1x4xi8>, %w: tensor<1x1x1xi8>) {
  // expected-error @below {{'pock.conv' expected input_zero + pad_value between -128 and 127, and a pad_value of 0 for floats, but got 100 and 28}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, input_zero = 100 : i64, pad_value = 28 : i64}
      : (tensor<1x1x4xi8>, tensor<1x1x1xi8>) -> tensor<1x1x4xi32>
  return
}

// -----

// expected-error @below {{expected 'scale' to be positive and finite, but got -1.0}}
pock.param @quantization_c1 {quantization = #pock.quantization<scale = -1.0>} : tensor<4xi8>

// -----

// expected-error @below {{expected min <= zero_point <= max, but got 1, 0 and 127}}
pock.param @quantization_c2 {quantization = #pock.quantization<min = 1>} : tensor<4xi8>

// -----

// expected-error @below {{expected 'axis' with 'scales', and without them none}}
pock.param @quantization_c3 {quantization = #pock.quantization<axis = 0>} : tensor<4xi8>

// -----

// expected-error @below {{expected a quantization of i8 or i32, but got 'tensor<4xf32>'}}
pock.param @param_c7 {quantization = #pock.quantization} : tensor<4xf32>

// -----

// expected-error @below {{expected limits and axis of a quantization to fit 'tensor<4xi8>'}}
pock.param @param_c7_limits {quantization = #pock.quantization<max = 1000>} : tensor<4xi8>

// -----

// expected-error @below {{expected a value of type 'tensor<2xf32>' of a buffer, but got type}}
pock.param @param_c8 {kind = #pock.kind<buffer>, value = dense<1.0> : tensor<3xf32>} : tensor<2xf32>

// -----

pock.param @known {kind = #pock.kind<buffer>, value = dense<1.0> : tensor<2xf32>} : tensor<2xf32>
func.func @store_param_c1_value(%x: tensor<2xf32>) {
  // expected-error @below {{expected a parameter without a value of its own, but got 'known'}}
  pock.store_param @known, %x : tensor<2xf32>
  return
}

// -----

pock.param @q {trained, quantization = #pock.quantization} : tensor<4xi8>
func.func @sparse_update_c4(%g: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expected inverse_scale exactly for a parameter with a quantization}}
  pock.sparse_update @q lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}

// -----

pock.param @q {trained, quantization = #pock.quantization} : tensor<4xi8>
func.func @sparse_update_c5(%g: tensor<4xf32>, %lr: tensor<f32>, %seed: tensor<i64>) {
  // expected-error @below {{expected random to be a seed and a step}}
  pock.sparse_update @q lr(%lr) inverse_scale(%lr : tensor<f32>) random(%seed : tensor<i64>) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}

// -----

func.func @magnitude_c1(%g: tensor<4xf32>) {
  // expected-error @below {{expected operand and result of the same shape, but got 'tensor<4xf32>' and 'tensor<2xi32>'}}
  %0 = pock.magnitude %g : (tensor<4xf32>) -> tensor<2xi32>
  return
}

// -----

func.func @block_c1(%g: tensor<4xf32>, %max: tensor<i32>) {
  // expected-error @below {{expected from 4 to 16 bits, but got 17}}
  %0 = pock.block_quantize %g, %max {bits = 17 : i64} : (tensor<4xf32>, tensor<i32>) -> tensor<4xi16>
  return
}

// -----

func.func @block_c1_few(%s: tensor<4xi32>, %max: tensor<i32>) {
  // expected-error @below {{expected from 4 to 16 bits, but got 3}}
  %0 = pock.block_dequantize %s, %max {bits = 3 : i64} : (tensor<4xi32>, tensor<i32>) -> tensor<4xf32>
  return
}

// -----

func.func @block_c1_half(%g: tensor<4xf32>, %max: tensor<i32>) {
  // expected-error @below {{expected from -8 to 2 bits, but got 3}}
  %0 = pock.block_quantize %g, %max {bits = 3 : i64} : (tensor<4xf32>, tensor<i32>) -> tensor<4xf16>
  return
}

// -----

func.func @block_c1_half_few(%s: tensor<4xf16>, %max: tensor<i32>) {
  // expected-error @below {{expected from -8 to 2 bits, but got -9}}
  %0 = pock.block_dequantize %s, %max {bits = -9 : i64} : (tensor<4xf16>, tensor<i32>) -> tensor<4xf32>
  return
}

// -----

func.func @block_quantize_c1(%g: tensor<4xf32>, %max: tensor<i32>) {
  // expected-error @below {{expected operand and result of the same shape, but got 'tensor<4xf32>' and 'tensor<2xi16>'}}
  %0 = pock.block_quantize %g, %max {bits = 16 : i64} : (tensor<4xf32>, tensor<i32>) -> tensor<2xi16>
  return
}

// -----

func.func @block_dequantize_c1(%s: tensor<4xi32>, %max: tensor<i32>) {
  // expected-error @below {{expected operand and result of the same shape, but got 'tensor<4xi32>' and 'tensor<2xf32>'}}
  %0 = pock.block_dequantize %s, %max {bits = 16 : i64} : (tensor<4xi32>, tensor<i32>) -> tensor<2xf32>
  return
}
