// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(pock-fold-zero-points))" --split-input-file | FileCheck %s

// The correction is added to the bias, in front of the convolution.

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

// -----

// Both operands of a product: its rows get one correction, its columns another.

// CHECK-LABEL: func @matmul
// CHECK: %[[P:.+]] = pock.matmul %{{.+}}, %{{.+}} {transpose_rhs}
// CHECK: %[[R:.+]] = pock.add %[[P]], %{{.+}} : (tensor<2x3xi32>, tensor<2x1xi32>)
// CHECK: pock.add %[[R]], %{{.+}} : (tensor<2x3xi32>, tensor<3xi32>)
func.func @matmul(%a: tensor<2x4xi8>, %b: tensor<3x4xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b {transpose_rhs, lhs_zero = 2 : i64, rhs_zero = -3 : i64} : (tensor<2x4xi8>, tensor<3x4xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// -----

// Nothing to do.

// CHECK-LABEL: func @symmetric
// CHECK-NEXT: %[[P:.+]] = pock.matmul
// CHECK-NEXT: return %[[P]]
func.func @symmetric(%a: tensor<2x4xi8>, %b: tensor<4x3xi8>) -> tensor<2x3xi32> {
  %y = pock.matmul %a, %b : (tensor<2x4xi8>, tensor<4x3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
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
