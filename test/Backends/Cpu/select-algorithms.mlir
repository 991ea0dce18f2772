// RUN: pock-opt %s --pock-select-algorithms --split-input-file | FileCheck %s
// RUN: pock-opt %s --pock-select-algorithms=winograd=never --split-input-file | FileCheck %s --check-prefix=NEVER
// RUN: pock-opt %s --pock-select-algorithms=winograd=always --split-input-file | FileCheck %s --check-prefix=ALWAYS

// NEVER-NOT: algorithm =

// What is not possible is not done, what does not pay is.
// ALWAYS-LABEL: func.func private @strided(
// ALWAYS-NOT: algorithm =
// ALWAYS-LABEL: func.func private @few_channels(
// ALWAYS: algorithm = #pock.algorithm<winograd>
// ALWAYS-LABEL: func.func private @double(
// ALWAYS-NOT: algorithm =

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, l2_bytes = 1048576>} {
// CHECK-LABEL: func.func private @forward(
// CHECK: algorithm = #pock.algorithm<winograd>
func.func private @forward(%a: tensor<2x32x32x64xf32>, %b: tensor<3x3x64x64xf32>, %out: tensor<2x32x32x64xf32>)
    -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x32x32x64xf32>
  return %y : tensor<2x32x32x64xf32>
}

// CHECK-LABEL: func.func private @input_gradient(
// CHECK: algorithm = #pock.algorithm<winograd>
func.func private @input_gradient(%a: tensor<2x32x32x64xf32>, %b: tensor<3x3x64x64xf32>, %out: tensor<2x32x32x64xf32>)
    -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %y = pock.conv_transpose %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x32x32x64xf32>
  return %y : tensor<2x32x32x64xf32>
}

// CHECK-LABEL: func.func private @weight_gradient(
// CHECK: algorithm = #pock.algorithm<winograd>
func.func private @weight_gradient(%a: tensor<2x32x32x64xf32>, %b: tensor<2x32x32x64xf32>, %out: tensor<3x3x64x64xf32>)
    -> tensor<3x3x64x64xf32> attributes {pock.kernel} {
  %y = pock.conv_weight_grad %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<2x32x32x64xf32>) -> tensor<3x3x64x64xf32>
  return %y : tensor<3x3x64x64xf32>
}

// CHECK-LABEL: func.func private @strided(
// CHECK-NOT: algorithm
func.func private @strided(%a: tensor<2x32x32x64xf32>, %b: tensor<3x3x64x64xf32>, %out: tensor<2x16x16x64xf32>)
    -> tensor<2x16x16x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 2, 2>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x16x16x64xf32>
  return %y : tensor<2x16x16x64xf32>
}

// CHECK-LABEL: func.func private @dilated(
// CHECK-NOT: algorithm
func.func private @dilated(%a: tensor<2x32x32x64xf32>, %b: tensor<3x3x64x64xf32>, %out: tensor<2x32x32x64xf32>)
    -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 2, 2>, pad_high = array<i64: 2, 2>,
      dilations = array<i64: 2, 2>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x32x32x64xf32>
  return %y : tensor<2x32x32x64xf32>
}

// CHECK-LABEL: func.func private @grouped(
// CHECK-NOT: algorithm
func.func private @grouped(%a: tensor<2x32x32x64xf32>, %b: tensor<3x3x32x64xf32>, %out: tensor<2x32x32x64xf32>)
    -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, groups = 2 : i64}
      : (tensor<2x32x32x64xf32>, tensor<3x3x32x64xf32>) -> tensor<2x32x32x64xf32>
  return %y : tensor<2x32x32x64xf32>
}

// CHECK-LABEL: func.func private @larger_kernel(
// CHECK-NOT: algorithm
func.func private @larger_kernel(%a: tensor<2x32x32x64xf32>, %b: tensor<5x5x64x64xf32>, %out: tensor<2x30x30x64xf32>)
    -> tensor<2x30x30x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<5x5x64x64xf32>) -> tensor<2x30x30x64xf32>
  return %y : tensor<2x30x30x64xf32>
}

// The transforms of an image take longer than what they save.
// CHECK-LABEL: func.func private @few_channels(
// CHECK-NOT: algorithm
func.func private @few_channels(%a: tensor<2x32x32x3xf32>, %b: tensor<3x3x3x64xf32>, %out: tensor<2x32x32x64xf32>)
    -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x3xf32>, tensor<3x3x3x64xf32>) -> tensor<2x32x32x64xf32>
  return %y : tensor<2x32x32x64xf32>
}

// So does that of a filter that four tiles use.
// CHECK-LABEL: func.func private @large_filter_few_tiles(
// CHECK-NOT: algorithm
func.func private @large_filter_few_tiles(%a: tensor<1x4x4x256xf32>, %b: tensor<3x3x256x256xf32>, %out: tensor<1x4x4x256xf32>)
    -> tensor<1x4x4x256xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x4x4x256xf32>, tensor<3x3x256x256xf32>) -> tensor<1x4x4x256xf32>
  return %y : tensor<1x4x4x256xf32>
}

// CHECK-LABEL: func.func private @double(
// CHECK-NOT: algorithm
func.func private @double(%a: tensor<2x32x32x64xf64>, %b: tensor<3x3x64x64xf64>, %out: tensor<2x32x32x64xf64>)
    -> tensor<2x32x32x64xf64> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf64>, tensor<3x3x64x64xf64>) -> tensor<2x32x32x64xf64>
  return %y : tensor<2x32x32x64xf64>
}

// CHECK-LABEL: func.func private @channels_first(
// CHECK-NOT: algorithm
func.func private @channels_first(%a: tensor<2x64x32x32xf32>, %b: tensor<64x64x3x3xf32>, %out: tensor<2x64x32x32xf32>)
    -> tensor<2x64x32x32xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>}
      : (tensor<2x64x32x32xf32>, tensor<64x64x3x3xf32>) -> tensor<2x64x32x32xf32>
  return %y : tensor<2x64x32x32xf32>
}
}

// -----

// Code without vectors would transform for longer than it multiplies.
module attributes {pock.target = #pock.target<vector_bytes = 0>} {
// CHECK-LABEL: func.func private @scalar_target(
// CHECK-NOT: algorithm
func.func private @scalar_target(%a: tensor<2x32x32x64xf32>, %b: tensor<3x3x64x64xf32>, %out: tensor<2x32x32x64xf32>)
    -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x32x32x64xf32>
  return %y : tensor<2x32x32x64xf32>
}
}

// -----

// Portable sums are those of the direct loops, on every target.
module attributes {pock.arithmetic = "portable",
    pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, l2_bytes = 1048576>} {
// CHECK-LABEL: func.func private @portable(
// CHECK-NOT: algorithm
// ALWAYS-LABEL: func.func private @portable(
// ALWAYS-NOT: algorithm
func.func private @portable(%a: tensor<2x32x32x64xf32>, %b: tensor<3x3x64x64xf32>, %out: tensor<2x32x32x64xf32>)
    -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x32x32x64xf32>
  return %y : tensor<2x32x32x64xf32>
}
}

// -----

// Pairs of bf16 make the direct loops twice as fast.

module attributes {pock.precision = "bf16",
    pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, l2_bytes = 1048576, features = "+avx512bf16,+avx512vl">} {
// CHECK-LABEL: func.func private @pairs(
// ALWAYS-LABEL: func.func private @pairs(
// ALWAYS: algorithm = #pock.algorithm<winograd>
// CHECK-NOT: algorithm =
func.func private @pairs(%a: tensor<2x32x32x64xf32>, %b: tensor<3x3x64x64xf32>, %out: tensor<2x32x32x64xf32>)
    -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x32x32x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x32x32x64xf32>
  return %y : tensor<2x32x32x64xf32>
}
}
