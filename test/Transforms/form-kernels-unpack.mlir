// RUN: pock-opt %s -pock-form-kernels -split-input-file | FileCheck %s

// The kernel that reads a packed mask unpacks it first, and then the mask does
// not stand between a convolution and its epilogue.

// CHECK-LABEL: func.func @step(
// CHECK: pock.launch @conv_transpose_constant_select ins({{.*}}tensor<4x8xi8>
// CHECK-LABEL: func.func private @conv_transpose_constant_select(
// CHECK: pock.unpack_bits
// CHECK-NEXT: pock.reshape
// CHECK: pock.conv_transpose
// CHECK: pock.select
pock.param @w : tensor<8x1x1x8xf32>
func.func @step(%g: tensor<1x4x8x8xf32>, %bits: tensor<4x8xi8>) -> (tensor<f32>, tensor<1x4x8x8xf32>) {
  %w = pock.load_param @w : tensor<8x1x1x8xf32>
  %loss = pock.sum %g {dims = array<i64: 0, 1, 2, 3>} : (tensor<1x4x8x8xf32>) -> tensor<f32>
  %0 = pock.unpack_bits %bits : (tensor<4x8xi8>) -> tensor<8x4x8xi1>
  %1 = pock.reshape %0 : (tensor<8x4x8xi1>) -> tensor<1x4x8x8xi1>
  %2 = pock.conv_transpose %g, %w {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x8x8xf32>, tensor<8x1x1x8xf32>) -> tensor<1x4x8x8xf32>
  %zero = pock.constant dense<0.0> : tensor<f32>
  %3 = pock.select %1, %2, %zero : (tensor<1x4x8x8xi1>, tensor<1x4x8x8xf32>, tensor<f32>) -> tensor<1x4x8x8xf32>
  return %loss, %3 : tensor<f32>, tensor<1x4x8x8xf32>
}

// -----

// A mask with two readers has a kernel of its own.

// CHECK-LABEL: func.func @shared(
// CHECK: pock.launch @unpack_bits
func.func @shared(%g: tensor<32x8xf32>, %bits: tensor<4x8xi8>) -> (tensor<f32>, tensor<32x8xf32>, tensor<32x8xf32>) {
  %loss = pock.sum %g {dims = array<i64: 0, 1>} : (tensor<32x8xf32>) -> tensor<f32>
  %0 = pock.unpack_bits %bits : (tensor<4x8xi8>) -> tensor<8x4x8xi1>
  %1 = pock.reshape %0 : (tensor<8x4x8xi1>) -> tensor<32x8xi1>
  %zero = pock.constant dense<0.0> : tensor<f32>
  %2 = pock.select %1, %g, %zero : (tensor<32x8xi1>, tensor<32x8xf32>, tensor<f32>) -> tensor<32x8xf32>
  %3 = pock.select %1, %zero, %g : (tensor<32x8xi1>, tensor<f32>, tensor<32x8xf32>) -> tensor<32x8xf32>
  return %loss, %2, %3 : tensor<f32>, tensor<32x8xf32>, tensor<32x8xf32>
}
