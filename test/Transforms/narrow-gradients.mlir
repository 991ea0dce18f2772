// RUN: pock-opt %s --pock-narrow-gradients --split-input-file | FileCheck %s

// Both products with bytes, each with the bits that its sums have room for:
// 4 * 128 * 32767 and 2 * 250 * 32767 are less than 2^31.

// CHECK: module {
module attributes {pock.gradients = "i16"} {
// CHECK-LABEL: func @both(
// CHECK-SAME: %[[X:.+]]: tensor<2x8xi8>, %[[W:.+]]: tensor<4x8xi8>, %[[T:.+]]: tensor<2x4xf32>
// CHECK: %[[G:.+]] = pock.exp
// CHECK: %[[M:.+]] = pock.magnitude %[[G]]
// CHECK: %[[MAX:.+]] = pock.amax %[[M]] {dims = array<i64: 0, 1>} : (tensor<2x4xi32>) -> tensor<i32>
// CHECK: %[[Q:.+]] = pock.block_quantize %[[G]], %[[MAX]] {bits = 16 : i64}
// CHECK: %[[S:.+]] = pock.matmul %[[Q]], %[[W]] : (tensor<2x4xi16>, tensor<4x8xi8>) -> tensor<2x8xi32>
// CHECK: %[[DX:.+]] = pock.block_dequantize %[[S]], %[[MAX]] {bits = 16 : i64}
// CHECK: %[[P:.+]] = pock.matmul %{{.+}}, %[[X]] {rhs_zero = -122 : i64, transpose_lhs} : (tensor<2x4xi16>, tensor<2x8xi8>) -> tensor<4x8xi32>
// CHECK: %[[DW:.+]] = pock.block_dequantize %[[P]]
// CHECK: %[[DB:.+]] = pock.sum %[[G]] {dims = array<i64: 0>} : (tensor<2x4xf32>) -> tensor<4xf32>
// CHECK: return %{{.+}}, %[[DX]], %[[DW]], %[[DB]]
func.func @both(%x: tensor<2x8xi8>, %w: tensor<4x8xi8>, %t: tensor<2x4xf32>) -> (tensor<f32>, tensor<2x8xf32>, tensor<4x8xf32>, tensor<4xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  %g = pock.exp %t : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %wr = pock.dequantize %w : (tensor<4x8xi8>) -> tensor<4x8xf32>
  %dx = pock.matmul %g, %wr : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  %xr = pock.dequantize %x {zero_point = -122 : i64} : (tensor<2x8xi8>) -> tensor<2x8xf32>
  %dw = pock.matmul %g, %xr {transpose_lhs} : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  %db = pock.sum %g {dims = array<i64: 0>} : (tensor<2x4xf32>) -> tensor<4xf32>
  return %loss, %dx, %dw, %db : tensor<f32>, tensor<2x8xf32>, tensor<4x8xf32>, tensor<4xf32>
}
}

// -----

// The number of terms of each kind of product decides the bits: an entry of the
// input meets two of three taps of 40 channels at a stride of two, 80 * 128 *
// 32767 fits; sums of 40 * 3 products of the convolution do not with 16 bits,
// and a weight's gradient has 2 * 600 terms with factors of up to 255.

module attributes {pock.gradients = "i16"} {
// CHECK-LABEL: func @convolutions(
// CHECK: pock.block_quantize %{{.+}} {bits = 16 : i64} : (tensor<1x40x3xf32>
// CHECK: pock.conv_transpose %{{.+}} : (tensor<1x40x3xi16>, tensor<40x2x3xi8>) -> tensor<1x2x7xi32>
// CHECK: pock.block_quantize %{{.+}} {bits = 13 : i64} : (tensor<2x40x600xf32>
// CHECK: pock.conv_weight_grad %{{.+}} {{{.*}}input_zero = -128 : i64{{.*}}} : (tensor<2x2x600xi8>, tensor<2x40x600xi16>) -> tensor<40x2x1xi32>
// CHECK: pock.block_quantize %{{.+}} {bits = 15 : i64} : (tensor<1x200x7xf32>
// CHECK: pock.conv %{{.+}} : (tensor<1x200x7xi16>, tensor<2x200x3xi8>) -> tensor<1x2x5xi32>
func.func @convolutions(%w: tensor<40x2x3xi8>, %x: tensor<2x2x600xi8>, %v: tensor<2x200x3xi8>, %t: tensor<1x40x3xf32>, %u: tensor<2x40x600xf32>, %r: tensor<1x200x7xf32>)
    -> (tensor<f32>, tensor<1x2x7xf32>, tensor<40x2x1xf32>, tensor<1x2x5xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1, 2>} : (tensor<1x40x3xf32>) -> tensor<f32>
  %wr = pock.dequantize %w : (tensor<40x2x3xi8>) -> tensor<40x2x3xf32>
  %dx = pock.conv_transpose %t, %wr {strides = array<i64: 2>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<1x40x3xf32>, tensor<40x2x3xf32>) -> tensor<1x2x7xf32>
  %xr = pock.dequantize %x {zero_point = -128 : i64} : (tensor<2x2x600xi8>) -> tensor<2x2x600xf32>
  %dw = pock.conv_weight_grad %xr, %u {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<2x2x600xf32>, tensor<2x40x600xf32>) -> tensor<40x2x1xf32>
  %vr = pock.dequantize %v : (tensor<2x200x3xi8>) -> tensor<2x200x3xf32>
  %dv = pock.conv %r, %vr {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<1x200x7xf32>, tensor<2x200x3xf32>) -> tensor<1x2x5xf32>
  return %loss, %dx, %dw, %dv : tensor<f32>, tensor<1x2x7xf32>, tensor<40x2x1xf32>, tensor<1x2x5xf32>
}
}

// -----

// Not: a product of the forward pass, a factor with a scale, one of real
// numbers, and a sum of so many terms that 10 bits would be too many.

module attributes {pock.gradients = "i16"} {
// CHECK-LABEL: func @others(
// CHECK-NOT: pock.block_quantize
func.func @others(%w: tensor<4x8xi8>, %v: tensor<4x8xf32>, %t: tensor<2x4xf32>, %x: tensor<20000x1xi8>, %u: tensor<20000x1xf32>)
    -> (tensor<f32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<1x1xf32>) {
  %wr = pock.dequantize %w : (tensor<4x8xi8>) -> tensor<4x8xf32>
  %y = pock.matmul %t, %wr : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<2x8xf32>) -> tensor<f32>
  %ws = pock.dequantize %w {scale = 5.000000e-01 : f64} : (tensor<4x8xi8>) -> tensor<4x8xf32>
  %a = pock.matmul %t, %ws : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  %b = pock.matmul %t, %v : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  %xr = pock.dequantize %x {zero_point = -128 : i64} : (tensor<20000x1xi8>) -> tensor<20000x1xf32>
  %c = pock.matmul %xr, %u {transpose_lhs} : (tensor<20000x1xf32>, tensor<20000x1xf32>) -> tensor<1x1xf32>
  return %loss, %a, %b, %c : tensor<f32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<1x1xf32>
}
}

// -----

// As floats of 16 bits, in which bytes without their zero point are exact. Sums
// stay below 2^15: 8 * 128 * 2 fits, 256 * 250 * 2 does not, and neither do the
// halves.

// CHECK: module {
module attributes {pock.gradients = "f16"} {
// CHECK-LABEL: func @halves(
// CHECK-SAME: %[[W:[^:]+]]: tensor<8x4xi8>, %[[X:[^:]+]]: tensor<256x2xi8>, %[[T:[^:]+]]: tensor<2x8xf32>, %[[U:[^:]+]]: tensor<256x3xf32>
// CHECK: %[[MAX:.+]] = pock.amax
// CHECK: %[[Q:.+]] = pock.block_quantize %[[T]], %[[MAX]] {bits = 2 : i64} : (tensor<2x8xf32>, tensor<i32>) -> tensor<2x8xf16>
// CHECK: %[[WR:.+]] = pock.dequantize %[[W]] : (tensor<8x4xi8>) -> tensor<8x4xf16>
// CHECK: %[[S:.+]] = pock.matmul %[[Q]], %[[WR]] : (tensor<2x8xf16>, tensor<8x4xf16>) -> tensor<2x4xf16>
// CHECK: %[[DX:.+]] = pock.block_dequantize %[[S]], %[[MAX]] {bits = 2 : i64} : (tensor<2x4xf16>, tensor<i32>) -> tensor<2x4xf32>
// CHECK: pock.block_quantize %[[U]], %{{.+}} {bits = 0 : i64}
// CHECK: pock.dequantize %[[X]] {zero_point = -122 : i64} : (tensor<256x2xi8>) -> tensor<256x2xf16>
// CHECK: pock.matmul %{{.+}} {transpose_lhs} : (tensor<256x3xf16>, tensor<256x2xf16>) -> tensor<3x2xf16>
func.func @halves(%w: tensor<8x4xi8>, %x: tensor<256x2xi8>, %t: tensor<2x8xf32>, %u: tensor<256x3xf32>) -> (tensor<f32>, tensor<2x4xf32>, tensor<3x2xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<2x8xf32>) -> tensor<f32>
  %wr = pock.dequantize %w : (tensor<8x4xi8>) -> tensor<8x4xf32>
  %dx = pock.matmul %t, %wr : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  %xr = pock.dequantize %x {zero_point = -122 : i64} : (tensor<256x2xi8>) -> tensor<256x2xf32>
  %dw = pock.matmul %u, %xr {transpose_lhs} : (tensor<256x3xf32>, tensor<256x2xf32>) -> tensor<3x2xf32>
  return %loss, %dx, %dw : tensor<f32>, tensor<2x4xf32>, tensor<3x2xf32>
}
}

// -----

// Sums of so many terms that their roundings would be felt: 2^15 / (2049 * 128)
// is less than 2^-3.

module attributes {pock.gradients = "f16"} {
// CHECK-LABEL: func @long_sums(
// CHECK-NOT: pock.block_quantize
func.func @long_sums(%w: tensor<2049x4xi8>, %t: tensor<2x2049xf32>) -> (tensor<f32>, tensor<2x4xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<2x2049xf32>) -> tensor<f32>
  %wr = pock.dequantize %w : (tensor<2049x4xi8>) -> tensor<2049x4xf32>
  %dx = pock.matmul %t, %wr : (tensor<2x2049xf32>, tensor<2049x4xf32>) -> tensor<2x4xf32>
  return %loss, %dx : tensor<f32>, tensor<2x4xf32>
}
}

// -----

// Without the attribute, and with its default.

// CHECK-LABEL: func @absent(
// CHECK-NOT: pock.block_quantize
func.func @absent(%w: tensor<4x8xi8>, %t: tensor<2x4xf32>) -> (tensor<f32>, tensor<2x8xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  %wr = pock.dequantize %w : (tensor<4x8xi8>) -> tensor<4x8xf32>
  %dx = pock.matmul %t, %wr : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  return %loss, %dx : tensor<f32>, tensor<2x8xf32>
}

// -----

// CHECK: module {
module attributes {pock.gradients = "f32"} {
// CHECK-LABEL: func @off(
// CHECK-NOT: pock.block_quantize
func.func @off(%w: tensor<4x8xi8>, %t: tensor<2x4xf32>) -> (tensor<f32>, tensor<2x8xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  %wr = pock.dequantize %w : (tensor<4x8xi8>) -> tensor<4x8xf32>
  %dx = pock.matmul %t, %wr : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  return %loss, %dx : tensor<f32>, tensor<2x8xf32>
}
}

// -----

// A layer without outputs.

module attributes {pock.gradients = "i16"} {
// CHECK-LABEL: func @empty(
// CHECK: pock.conv_weight_grad %{{.+}} : (tensor<2x2x6xi8>, tensor<2x0x6xi16>) -> tensor<0x2x1xi32>
func.func @empty(%x: tensor<2x2x6xi8>, %g: tensor<2x0x6xf32>, %t: tensor<2xf32>) -> (tensor<f32>, tensor<0x2x1xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
  %xr = pock.dequantize %x : (tensor<2x2x6xi8>) -> tensor<2x2x6xf32>
  %dw = pock.conv_weight_grad %xr, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<2x2x6xf32>, tensor<2x0x6xf32>) -> tensor<0x2x1xf32>
  return %loss, %dw : tensor<f32>, tensor<0x2x1xf32>
}
}
