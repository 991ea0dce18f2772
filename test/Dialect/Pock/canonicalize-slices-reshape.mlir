// RUN: pock-opt %s -canonicalize | FileCheck %s

// The weight of a 1x1 convolution is a view that moves dimensions of size one.

// CHECK-LABEL: func.func @moved(
// CHECK-SAME: %[[X:.+]]: tensor<6x1x1x8xf32>
// CHECK: %[[PART:.+]] = pock.slice %[[X]] {limits = array<i64: 6, 1, 1, 4>, starts = array<i64: 0, 0, 0, 2>
// CHECK: pock.reshape %[[PART]] : (tensor<6x1x1x2xf32>) -> tensor<6x2x1x1xf32>
func.func @moved(%x: tensor<6x1x1x8xf32>) -> tensor<6x2x1x1xf32> {
  %0 = pock.reshape %x : (tensor<6x1x1x8xf32>) -> tensor<6x8x1x1xf32>
  %1 = pock.slice %0 {limits = array<i64: 6, 4, 1, 1>, starts = array<i64: 0, 2, 0, 0>, strides = array<i64: 1, 1, 1, 1>} : (tensor<6x8x1x1xf32>) -> tensor<6x2x1x1xf32>
  return %1 : tensor<6x2x1x1xf32>
}

// CHECK-LABEL: func.func @first(
// CHECK: pock.slice %{{.+}} {limits = array<i64: 1, 3, 8>, starts = array<i64: 0, 0, 0>
// CHECK: pock.reshape %{{.+}} : (tensor<1x3x8xf32>) -> tensor<3x8xf32>
func.func @first(%x: tensor<1x6x8xf32>) -> tensor<3x8xf32> {
  %0 = pock.reshape %x : (tensor<1x6x8xf32>) -> tensor<6x8xf32>
  %1 = pock.slice %0 {limits = array<i64: 3, 8>, starts = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<6x8xf32>) -> tensor<3x8xf32>
  return %1 : tensor<3x8xf32>
}

// A view that divides a dimension stays.

// CHECK-LABEL: func.func @divided(
// CHECK: pock.reshape
// CHECK-NEXT: pock.slice
func.func @divided(%x: tensor<48xf32>) -> tensor<3x8xf32> {
  %0 = pock.reshape %x : (tensor<48xf32>) -> tensor<6x8xf32>
  %1 = pock.slice %0 {limits = array<i64: 3, 8>, starts = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<6x8xf32>) -> tensor<3x8xf32>
  return %1 : tensor<3x8xf32>
}
