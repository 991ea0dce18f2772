// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// Bytes are widened to the type of the sum. Padding has its value. The terms of
// a sum are contiguous in both operands.

// CHECK-DAG: #[[$X:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1 + d4, d2 + d5, d6)>
// CHECK-DAG: #[[$W:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d3, d4, d5, d6)>
// CHECK-LABEL: func @conv
// CHECK-DAG: %[[PAD:.+]] = arith.constant -5 : i8
// CHECK: linalg.fill ins(%[[PAD]] : i8)
// CHECK: linalg.generic {indexing_maps = [#[[$X]], #[[$W]], #{{.+}}]
// CHECK: %[[A:.+]] = arith.extsi %{{.+}} : i8 to i32
// CHECK: %[[B:.+]] = arith.extsi %{{.+}} : i8 to i32
// CHECK: %[[P:.+]] = arith.muli %[[A]], %[[B]]
// CHECK: arith.addi %{{.+}}, %[[P]]
func.func @conv(%x: tensor<1x4x4x2xi8>, %w: tensor<3x3x3x2xi8>, %out: tensor<1x4x4x3xi32>) -> tensor<1x4x4x3xi32> attributes {pock.kernel} {
  %y = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_value = -5 : i64}
      : (tensor<1x4x4x2xi8>, tensor<3x3x3x2xi8>) -> tensor<1x4x4x3xi32>
  return %y : tensor<1x4x4x3xi32>
}

// -----

// A 1x1 convolution is a product; the right operand stays as it is, with any
// number of rows.

// CHECK-DAG: #[[$RHS:.+]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func @pointwise
// CHECK-NOT: linalg.transpose
// CHECK: linalg.generic {indexing_maps = [#{{.+}}, #[[$RHS]], #{{.+}}]
func.func @pointwise(%x: tensor<1x8x8x4xi8>, %w: tensor<3x1x1x4xi8>, %out: tensor<1x8x8x3xi32>) -> tensor<1x8x8x3xi32> attributes {pock.kernel} {
  %y = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>}
      : (tensor<1x8x8x4xi8>, tensor<3x1x1x4xi8>) -> tensor<1x8x8x3xi32>
  return %y : tensor<1x8x8x3xi32>
}

// -----

// Windows that read nothing but padding.

// CHECK-LABEL: func @outside
// CHECK: %[[PAD:.+]] = arith.constant 7 : i8
// CHECK: %[[X:.+]] = linalg.fill ins(%[[PAD]] : i8)
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %{{.+}} :
func.func @outside(%x: tensor<1x1x1xi8>, %w: tensor<1x1x1xi8>, %out: tensor<1x1x1xi32>) -> tensor<1x1x1xi32> attributes {pock.kernel} {
  %y = pock.conv %x, %w {strides = array<i64: 4>, pad_low = array<i64: 1>, pad_high = array<i64: 2>,
      dilations = array<i64: 1>, layout = #pock.layout<channels_last_ohwi>, pad_value = 7 : i64}
      : (tensor<1x1x1xi8>, tensor<1x1x1xi8>) -> tensor<1x1x1xi32>
  return %y : tensor<1x1x1xi32>
}

// -----

// A transposed convolution subtracts the zero point from each entry: windows at
// the border have fewer taps.

// CHECK-LABEL: func @transposed
// CHECK: arith.subi %{{.+}}, %c3_i32
func.func @transposed(%x: tensor<1x2x4xi8>, %w: tensor<4x3x2xi8>, %out: tensor<1x4x2xi32>) -> tensor<1x4x2xi32> attributes {pock.kernel} {
  %y = pock.conv_transpose %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, layout = #pock.layout<channels_last_ohwi>, input_zero = 3 : i64}
      : (tensor<1x2x4xi8>, tensor<4x3x2xi8>) -> tensor<1x4x2xi32>
  return %y : tensor<1x4x2xi32>
}

// -----

// One multiplication of 64 bits, with zero point and half above the point.

// CHECK-LABEL: func @requantize
// CHECK-DAG: arith.constant 23622320128 : i64
// CHECK: arith.muli %{{.+}}, %{{.+}} : i64
// CHECK: arith.addi
// CHECK: arith.shrsi
// CHECK: arith.trunci %{{.+}} : i64 to i32
// CHECK: arith.maxsi
// CHECK: arith.minsi
func.func @requantize(%x: tensor<8x4xi32>, %m: tensor<4xi32>, %out: tensor<8x4xi8>) -> tensor<8x4xi8> attributes {pock.kernel} {
  %y = pock.requantize %x, %m {zero_point = 5 : i64} : (tensor<8x4xi32>, tensor<4xi32>) -> tensor<8x4xi8>
  return %y : tensor<8x4xi8>
}

// -----

// A gradient of 16 bits and bytes with a zero point, with which they are padded.

// CHECK-LABEL: func @weight_gradient
// CHECK-DAG: %[[PAD:.+]] = arith.constant -128 : i8
// CHECK: linalg.fill ins(%[[PAD]] : i8)
// CHECK: %[[X:.+]] = arith.extsi %{{.+}} : i8 to i32
// CHECK: %[[D:.+]] = arith.subi %[[X]], %c-128_i32
// CHECK: %[[G:.+]] = arith.extsi %{{.+}} : i16 to i32
// CHECK: arith.muli %[[D]], %[[G]]
func.func @weight_gradient(%x: tensor<1x2x8xi8>, %g: tensor<1x3x8xi16>, %out: tensor<3x2x3xi32>) -> tensor<3x2x3xi32> attributes {pock.kernel} {
  %d = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 1>, pad_high = array<i64: 1>,
      dilations = array<i64: 1>, input_zero = -128 : i64} : (tensor<1x2x8xi8>, tensor<1x3x8xi16>) -> tensor<3x2x3xi32>
  return %d : tensor<3x2x3xi32>
}

// -----

// Integer operations only. 24 bits of significand are shifted down by at least
// 25 - bits, and by at most 25.

// CHECK-LABEL: func @block_quantize
// CHECK-DAG: arith.constant 9 : i32
// CHECK-DAG: arith.constant 25 : i32
// CHECK-NOT: {{(add|sub|mul|cmp|max|min|toui|tosi)f|fpto}}
// CHECK: arith.trunci %{{.+}} : i32 to i16
func.func @block_quantize(%g: tensor<4xf32>, %max: tensor<i32>, %out: tensor<4xi16>) -> tensor<4xi16> attributes {pock.kernel} {
  %q = pock.block_quantize %g, %max {bits = 16 : i64} : (tensor<4xf32>, tensor<i32>) -> tensor<4xi16>
  return %q : tensor<4xi16>
}

// -----

// A sum becomes a float, times a power of two or NaN.

// CHECK-LABEL: func @block_dequantize
// CHECK-DAG: arith.constant 2143289344 : i32
// CHECK: %[[SUM:.+]] = arith.sitofp %{{.+}} : i32 to f32
// CHECK: %[[POWER:.+]] = arith.bitcast %{{.+}} : i32 to f32
// CHECK: arith.mulf %[[SUM]], %[[POWER]]
func.func @block_dequantize(%s: tensor<4xi32>, %max: tensor<i32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %y = pock.block_dequantize %s, %max {bits = 16 : i64} : (tensor<4xi32>, tensor<i32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// To f16 by two powers of two, whose product a float may not have.

// CHECK-LABEL: func @block_quantize_half
// CHECK: %[[ONCE:.+]] = arith.mulf %{{.+}}, %{{.+}} : f32
// CHECK: %[[TWICE:.+]] = arith.mulf %[[ONCE]], %{{.+}} : f32
// CHECK: arith.truncf %[[TWICE]] : f32 to f16
func.func @block_quantize_half(%g: tensor<4xf32>, %max: tensor<i32>, %out: tensor<4xf16>) -> tensor<4xf16> attributes {pock.kernel} {
  %q = pock.block_quantize %g, %max {bits = 2 : i64} : (tensor<4xf32>, tensor<i32>) -> tensor<4xf16>
  return %q : tensor<4xf16>
}

// -----

// CHECK-LABEL: func @block_dequantize_half
// CHECK-DAG: arith.constant 2143289344 : i32
// CHECK: %[[SUM:.+]] = arith.extf %{{.+}} : f16 to f32
// CHECK: %[[ONCE:.+]] = arith.mulf %[[SUM]], %{{.+}} : f32
// CHECK: arith.mulf %[[ONCE]], %{{.+}} : f32
func.func @block_dequantize_half(%s: tensor<4xf16>, %max: tensor<i32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %y = pock.block_dequantize %s, %max {bits = -2 : i64} : (tensor<4xf16>, tensor<i32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
