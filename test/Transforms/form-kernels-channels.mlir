// RUN: pock-opt %s --pock-form-kernels | FileCheck %s

// Of what the first convolution makes, the depthwise one reads each channel on
// its own: one kernel, which code generation divides by channels.

// CHECK-LABEL: func.func @expand(
// CHECK-NEXT: tensor.empty() : tensor<1x32x32x64xf32>
// CHECK-NEXT: %[[Y:.+]] = pock.launch @conv_relu
// CHECK-NEXT: return %[[Y]]
func.func @expand(%x: tensor<1x32x32x8xf32>, %w: tensor<1x1x8x64xf32>, %d: tensor<3x3x1x64xf32>) -> tensor<1x32x32x64xf32> {
  %e = pock.conv %x, %w {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x32x32x8xf32>, tensor<1x1x8x64xf32>) -> tensor<1x32x32x64xf32>
  %r = pock.relu %e : (tensor<1x32x32x64xf32>) -> tensor<1x32x32x64xf32>
  %y = pock.conv %r, %d {dilations = array<i64: 1, 1>, groups = 64 : i64, layout = #pock.layout<channels_last>, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x32x32x64xf32>, tensor<3x3x1x64xf32>) -> tensor<1x32x32x64xf32>
  return %y : tensor<1x32x32x64xf32>
}

// Read by another, the activation is stored anyway.

// CHECK-LABEL: func.func @saved(
// CHECK: pock.launch @conv_relu_0
// CHECK: pock.launch @conv ins
func.func @saved(%x: tensor<1x32x32x8xf32>, %w: tensor<1x1x8x64xf32>, %d: tensor<3x3x1x64xf32>) -> (tensor<1x32x32x64xf32>, tensor<1x32x32x64xf32>) {
  %e = pock.conv %x, %w {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x32x32x8xf32>, tensor<1x1x8x64xf32>) -> tensor<1x32x32x64xf32>
  %r = pock.relu %e : (tensor<1x32x32x64xf32>) -> tensor<1x32x32x64xf32>
  %y = pock.conv %r, %d {dilations = array<i64: 1, 1>, groups = 64 : i64, layout = #pock.layout<channels_last>, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x32x32x64xf32>, tensor<3x3x1x64xf32>) -> tensor<1x32x32x64xf32>
  return %y, %r : tensor<1x32x32x64xf32>, tensor<1x32x32x64xf32>
}

// Small: a cache holds it.

// CHECK-LABEL: func.func @small(
// CHECK-COUNT-2: pock.launch
func.func @small(%x: tensor<1x8x8x8xf32>, %w: tensor<1x1x8x64xf32>, %d: tensor<3x3x1x64xf32>) -> tensor<1x8x8x64xf32> {
  %e = pock.conv %x, %w {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x8xf32>, tensor<1x1x8x64xf32>) -> tensor<1x8x8x64xf32>
  %y = pock.conv %e, %d {dilations = array<i64: 1, 1>, groups = 64 : i64, layout = #pock.layout<channels_last>, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x8x8x64xf32>, tensor<3x3x1x64xf32>) -> tensor<1x8x8x64xf32>
  return %y : tensor<1x8x8x64xf32>
}

// CHECK-LABEL: func.func private @conv_relu(
// CHECK-SAME: attributes {pock.channel_blocks, pock.kernel}
// CHECK: pock.conv
// CHECK: pock.relu
// CHECK: pock.conv {{.+}} groups = 64
