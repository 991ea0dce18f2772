// RUN: pock-opt %s --pock-form-kernels | FileCheck %s

// The padded copy that the convolution needs can be the transposed one.

// CHECK-LABEL: func.func @image(
// CHECK: pock.launch @transpose_conv ins
// CHECK-NOT: pock.launch
// CHECK: return
func.func @image(%x: tensor<1x3x8x8xf32>, %w: tensor<3x3x3x4xf32>) -> tensor<1x8x8x4xf32> {
  %t = pock.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x8x8x3xf32>
  %y = pock.conv %t, %w {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x8x8x3xf32>, tensor<3x3x3x4xf32>) -> tensor<1x8x8x4xf32>
  return %y : tensor<1x8x8x4xf32>
}

// Without padding there is no other copy; and what others read is stored.

// CHECK-LABEL: func.func @unpadded(
// CHECK: pock.launch @transpose ins
// CHECK: pock.launch @conv ins
func.func @unpadded(%x: tensor<1x3x8x8xf32>, %w: tensor<3x3x3x4xf32>) -> tensor<1x6x6x4xf32> {
  %t = pock.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x8x8x3xf32>
  %y = pock.conv %t, %w {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x3xf32>, tensor<3x3x3x4xf32>) -> tensor<1x6x6x4xf32>
  return %y : tensor<1x6x6x4xf32>
}

// CHECK-LABEL: func.func @shared(
// CHECK-COUNT-2: pock.launch
func.func @shared(%x: tensor<1x3x8x8xf32>, %w: tensor<3x3x3x4xf32>) -> (tensor<1x8x8x4xf32>, tensor<1x8x8x3xf32>) {
  %t = pock.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x8x8xf32>) -> tensor<1x8x8x3xf32>
  %y = pock.conv %t, %w {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x8x8x3xf32>, tensor<3x3x3x4xf32>) -> tensor<1x8x8x4xf32>
  return %y, %t : tensor<1x8x8x4xf32>, tensor<1x8x8x3xf32>
}
