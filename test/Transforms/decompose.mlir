// RUN: pock-opt %s --pock-decompose | FileCheck %s

// CHECK-LABEL: func.func @mse_loss(
// CHECK-SAME: %[[X:.+]]: tensor<8xf32>, %[[T:.+]]: tensor<8xf32>)
// CHECK: %[[D:.+]] = pock.sub %[[X]], %[[T]]
// CHECK: %[[S:.+]] = pock.mul %[[D]], %[[D]]
// CHECK: pock.mean %[[S]] {dims = array<i64: 0>}
func.func @mse_loss(%x: tensor<8xf32>, %t: tensor<8xf32>) -> tensor<f32> {
  %l = pock.mse_loss %x, %t : (tensor<8xf32>, tensor<8xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @l1_loss_sum(
// CHECK: pock.sub
// CHECK: pock.abs
// CHECK: pock.sum
func.func @l1_loss_sum(%x: tensor<8xf32>, %t: tensor<8xf32>) -> tensor<f32> {
  %l = pock.l1_loss %x, %t {reduction = #pock.reduction<sum>} : (tensor<8xf32>, tensor<8xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @cross_entropy(
// CHECK-NOT: pock.cross_entropy
// CHECK: pock.log_softmax {{.*}} {dim = 1 : i64}
// CHECK-NOT: pock.cross_entropy
// CHECK: return
func.func @cross_entropy(%x: tensor<8x10xf32>, %t: tensor<8xi64>) -> tensor<f32> {
  %l = pock.cross_entropy %x, %t : (tensor<8x10xf32>, tensor<8xi64>) -> tensor<f32>
  return %l : tensor<f32>
}

// CHECK-LABEL: func.func @linear(
// CHECK-NOT: pock.linear
// CHECK: pock.matmul
func.func @linear(%x: tensor<3x2x8xf32>, %w: tensor<4x8xf32>) -> tensor<3x2x4xf32> {
  %y = pock.linear %x, %w : (tensor<3x2x8xf32>, tensor<4x8xf32>) -> tensor<3x2x4xf32>
  return %y : tensor<3x2x4xf32>
}

// All per channel: the rsqrt is of the vector.
// CHECK-LABEL: func.func @batch_norm(
// CHECK: pock.rsqrt {{.*}} : (tensor<3xf32>) -> tensor<3xf32>
// CHECK-NOT: pock.batch_norm
// CHECK: return
func.func @batch_norm(%x: tensor<2x3x4xf32>, %v: tensor<3xf32>) -> tensor<2x3x4xf32> {
  %y = pock.batch_norm %x, %v, %v {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>} : (tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @avg_pool(
// CHECK: pock.sum_pool
// CHECK-NOT: pock.avg_pool
// CHECK: return
func.func @avg_pool(%x: tensor<1x3x8xf32>) -> tensor<1x3x4xf32> {
  %y = pock.avg_pool %x {kernel = array<i64: 2>, strides = array<i64: 2>, pad_low = array<i64: 0>, pad_high = array<i64: 0>} : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return %y : tensor<1x3x4xf32>
}

// A window that is the whole input is a reduction.
// CHECK-LABEL: func.func @avg_pool_global(
// CHECK-NOT: pock.sum_pool
// CHECK: pock.sum %{{.+}} {dims = array<i64: 2, 3>, keepdim = true}
func.func @avg_pool_global(%x: tensor<1x3x5x4xf32>) -> tensor<1x3x1x1xf32> {
  %y = pock.avg_pool %x {kernel = array<i64: 5, 4>, strides = array<i64: 5, 4>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>} : (tensor<1x3x5x4xf32>) -> tensor<1x3x1x1xf32>
  return %y : tensor<1x3x1x1xf32>
}

// Output size one: a mean.
// CHECK-LABEL: func.func @adaptive_avg_pool(
// CHECK: pock.mean
// CHECK-NOT: pock.adaptive_avg_pool
// CHECK: return
func.func @adaptive_avg_pool(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32> {
  %y = pock.adaptive_avg_pool %x : (tensor<1x3x8x8xf32>) -> tensor<1x3x1x1xf32>
  return %y : tensor<1x3x1x1xf32>
}

// Softmax has a gradient of its own, which reads the result.
// CHECK-LABEL: func.func @softmax_stays(
// CHECK-NEXT: pock.softmax
// CHECK-NEXT: return
func.func @softmax_stays(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = pock.softmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
