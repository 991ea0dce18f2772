// RUN: pock-opt %s --pock-form-kernels | FileCheck %s

// Where a thread computes one point, a kernel has no blocks of channels: a
// kernel for both convolutions would only need more memory.

// CHECK-LABEL: func.func @expand(
// CHECK:         pock.launch @conv_relu
// CHECK:         pock.launch @conv ins
module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan">} {
func.func @expand(%x: tensor<1x32x32x8xf32>, %w: tensor<1x1x8x64xf32>, %d: tensor<3x3x1x64xf32>) -> tensor<1x32x32x64xf32> {
  %e = pock.conv %x, %w {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x32x32x8xf32>, tensor<1x1x8x64xf32>) -> tensor<1x32x32x64xf32>
  %r = pock.relu %e : (tensor<1x32x32x64xf32>) -> tensor<1x32x32x64xf32>
  %y = pock.conv %r, %d {dilations = array<i64: 1, 1>, groups = 64 : i64, layout = #pock.layout<channels_last>, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x32x32x64xf32>, tensor<3x3x1x64xf32>) -> tensor<1x32x32x64xf32>
  return %y : tensor<1x32x32x64xf32>
}
}
