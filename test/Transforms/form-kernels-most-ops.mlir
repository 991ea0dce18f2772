// RUN: pock-opt %s --pock-form-kernels=max-ops=3 --split-input-file | FileCheck %s

// A chain is divided, from its end: what a kernel holds is no more than asked.

// CHECK-LABEL: func.func @chain(
// CHECK: %[[A:.+]] = pock.launch @[[FIRST:.+]] ins(%arg0 :
// CHECK: %[[B:.+]] = pock.launch @[[SECOND:.+]] ins(%[[A]] :
// CHECK: return %[[B]]
// CHECK: func.func private @[[FIRST]](
// CHECK-NEXT: pock.exp
// CHECK-NEXT: pock.neg
// CHECK-NEXT: return
// CHECK: func.func private @[[SECOND]](
// CHECK-NEXT: pock.sin
// CHECK-NEXT: pock.abs
// CHECK-NEXT: pock.tanh
// CHECK-NEXT: return
func.func @chain(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = pock.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.neg %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = pock.sin %1 : (tensor<4xf32>) -> tensor<4xf32>
  %3 = pock.abs %2 : (tensor<4xf32>) -> tensor<4xf32>
  %4 = pock.tanh %3 : (tensor<4xf32>) -> tensor<4xf32>
  return %4 : tensor<4xf32>
}

// -----

// A cluster does not join a producer that it would make too large.

// CHECK-LABEL: func.func @epilogue(
// CHECK: %[[A:.+]] = pock.launch @[[PRODUCT:.+]] ins(%arg0, %arg1 :
// CHECK: %[[B:.+]] = pock.launch @[[REST:.+]] ins(%[[A]] :
// CHECK: func.func private @[[PRODUCT]](
// CHECK-NEXT: pock.matmul
// CHECK-NEXT: return
func.func @epilogue(%x: tensor<2x4xf32>, %w: tensor<4x2xf32>) -> tensor<2x2xf32> {
  %0 = pock.matmul %x, %w : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %1 = pock.exp %0 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = pock.neg %1 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = pock.sin %2 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %3 : tensor<2x2xf32>
}

// -----

// What fits is one kernel.

// CHECK-LABEL: func.func @short(
// CHECK-COUNT-1: pock.launch
// CHECK-NOT: pock.launch
// CHECK: return
func.func @short(%x: tensor<2x4xf32>, %w: tensor<4x2xf32>) -> tensor<2x2xf32> {
  %0 = pock.matmul %x, %w : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %1 = pock.exp %0 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = pock.neg %1 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %2 : tensor<2x2xf32>
}
