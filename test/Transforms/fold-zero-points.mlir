// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(pock-fold-zero-points))" --split-input-file | FileCheck %s

// The correction is added to the bias, in front of the convolution.

module attributes {pock.target = #pock.target<triple = "aarch64-unknown-linux-gnu", cpu = "cortex-a76">} {
// CHECK-LABEL: func @conv
// CHECK-SAME: %[[X:.+]]: tensor<1x4x4x2xi8>, %[[W:.+]]: tensor<3x3x3x2xi8>, %[[B:.+]]: tensor<3xi32>
// CHECK: %[[WIDE:.+]] = pock.cast %[[W]]
// CHECK: %[[SUMS:.+]] = pock.sum %[[WIDE]] {dims = array<i64: 1, 2, 3>}
// CHECK: %[[C:.+]] = pock.constant dense<128> : tensor<i32>
// CHECK: %[[CORRECTION:.+]] = pock.mul %[[SUMS]], %[[C]]
// CHECK: %[[BIAS:.+]] = pock.add %[[B]], %[[CORRECTION]]
// CHECK: %[[A:.+]] = pock.conv %[[X]], %[[W]] {{.*}}pad_value = -128
// CHECK: pock.add %[[A]], %[[BIAS]]
func.func @conv(%x: tensor<1x4x4x2xi8>, %w: tensor<3x3x3x2xi8>, %b: tensor<3xi32>) -> tensor<1x4x4x3xi32> {
  %a = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, input_zero = -128 : i64}
      : (tensor<1x4x4x2xi8>, tensor<3x3x3x2xi8>) -> tensor<1x4x4x3xi32>
  %y = pock.add %a, %b : (tensor<1x4x4x3xi32>, tensor<3xi32>) -> tensor<1x4x4x3xi32>
  return %y : tensor<1x4x4x3xi32>
}
}

// -----

// Both operands of a product: its rows get one correction, its columns another.

module attributes {pock.target = #pock.target<triple = "aarch64-unknown-linux-gnu", cpu = "cortex-a76">} {
// CHECK-LABEL: func @matmul
// CHECK: %[[P:.+]] = pock.matmul %{{.+}}, %{{.+}} {transpose_rhs}
// CHECK: %[[R:.+]] = pock.add %[[P]], %{{.+}} : (tensor<2x3xi32>, tensor<2x1xi32>)
// CHECK: pock.add %[[R]], %{{.+}} : (tensor<2x3xi32>, tensor<3xi32>)
func.func @matmul(%a: tensor<2x4xi8>, %b: tensor<3x4xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b {transpose_rhs, lhs_zero = 2 : i64, rhs_zero = -3 : i64} : (tensor<2x4xi8>, tensor<3x4xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}
}

// -----

// Nothing to do.

module attributes {pock.target = #pock.target<triple = "aarch64-unknown-linux-gnu", cpu = "cortex-a76">} {
// CHECK-LABEL: func @symmetric
// CHECK-NEXT: %[[P:.+]] = pock.matmul
// CHECK-NEXT: return %[[P]]
func.func @symmetric(%a: tensor<2x4xi8>, %b: tensor<4x3xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b : (tensor<2x4xi8>, tensor<4x3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}
}

// -----

// Kernels for the DSP extension subtract the zero point of the input at no cost.

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// CHECK-LABEL: func @kept
// CHECK-NEXT: %[[A:.+]] = pock.conv {{.*}}input_zero = -128
// CHECK-NEXT: return %[[A]]
func.func @kept(%x: tensor<1x4x4x2xi8>, %w: tensor<3x3x3x2xi8>) -> tensor<1x4x4x3xi32> {
  %a = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, input_zero = -128 : i64}
      : (tensor<1x4x4x2xi8>, tensor<3x3x3x2xi8>) -> tensor<1x4x4x3xi32>
  return %a : tensor<1x4x4x3xi32>
}

// CHECK-LABEL: func @right
// CHECK: %[[P:.+]] = pock.matmul %{{.+}}, %{{.+}} {lhs_zero = 2 : i64, transpose_rhs}
// CHECK: pock.add %[[P]], %{{.+}} : (tensor<2x3xi32>, tensor<2x1xi32>)
// CHECK-NEXT: return
func.func @right(%a: tensor<2x4xi8>, %b: tensor<3x4xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b {transpose_rhs, lhs_zero = 2 : i64, rhs_zero = -3 : i64} : (tensor<2x4xi8>, tensor<3x4xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}
}

// -----

// Copies that widen bytes for VPMADDWD subtract it. Neighbouring channels of a
// depthwise convolution belong to different sums, and 3 channels are no pairs.

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", vector_bytes = 32, features = "+avx2">} {
// CHECK-LABEL: func @widened
// CHECK-NEXT: %[[P:.+]] = pock.matmul {{.*}}lhs_zero = 2
// CHECK-NEXT: return %[[P]]
func.func @widened(%a: tensor<2x4xi8>, %b: tensor<4x3xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b {lhs_zero = 2 : i64} : (tensor<2x4xi8>, tensor<4x3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// CHECK-LABEL: func @no_pairs
// CHECK: pock.matmul %{{.+}}, %{{.+}} : (
// CHECK: pock.add
func.func @no_pairs(%a: tensor<2x3xi8>, %b: tensor<3x3xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b {lhs_zero = 2 : i64} : (tensor<2x3xi8>, tensor<3x3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// CHECK-LABEL: func @depthwise
// CHECK: pock.conv {{.*}}pad_value = 5
// CHECK: pock.add
func.func @depthwise(%x: tensor<1x4x4x8xi8>, %w: tensor<3x3x1x8xi8>) -> tensor<1x4x4x8xi32> {
  %a = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, groups = 8 : i64, layout = #pock.layout<channels_last>, input_zero = 5 : i64}
      : (tensor<1x4x4x8xi8>, tensor<3x3x1x8xi8>) -> tensor<1x4x4x8xi32>
  return %a : tensor<1x4x4x8xi32>
}
}

// -----

// VPDPBUSD multiplies unsigned bytes, which are signed ones plus 128. Padding
// stays the byte of zero.

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", vector_bytes = 64, features = "+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
// CHECK-LABEL: func @unsigned
// CHECK-SAME: %[[X:.+]]: tensor<1x4x4x4xi8>, %[[W:.+]]: tensor<3x3x4x3xi8>, %[[B:.+]]: tensor<3xi32>
// CHECK: %[[C:.+]] = pock.constant dense<-133> : tensor<i32>
// CHECK: pock.mul %{{.+}}, %[[C]]
// CHECK: pock.conv %[[X]], %[[W]] {{.*}}input_zero = -128 : i64{{.*}}pad_value = 133
func.func @unsigned(%x: tensor<1x4x4x4xi8>, %w: tensor<3x3x4x3xi8>, %b: tensor<3xi32>) -> tensor<1x4x4x3xi32> {
  %a = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, input_zero = 5 : i64}
      : (tensor<1x4x4x4xi8>, tensor<3x3x4x3xi8>) -> tensor<1x4x4x3xi32>
  %y = pock.add %a, %b : (tensor<1x4x4x3xi32>, tensor<3xi32>) -> tensor<1x4x4x3xi32>
  return %y : tensor<1x4x4x3xi32>
}

// CHECK-LABEL: func @four_terms
// CHECK: pock.matmul {{.*}}lhs_zero = -128
func.func @four_terms(%a: tensor<2x4xi8>, %b: tensor<4x3xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b : (tensor<2x4xi8>, tensor<4x3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// Pairs take any zero point.
// CHECK-LABEL: func @two_terms
// CHECK-NEXT: pock.matmul {{.*}}lhs_zero = 2
func.func @two_terms(%a: tensor<2x6xi8>, %b: tensor<6x3xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b {lhs_zero = 2 : i64} : (tensor<2x6xi8>, tensor<6x3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}
}
