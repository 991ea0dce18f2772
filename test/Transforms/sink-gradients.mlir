// RUN: pock-opt %s --pock-sink-gradients | FileCheck %s
// pass only, since the seed of the backward pass is a constant: nothing sinks.

pock.param @w {trained} : tensor<4xf32>
// CHECK-LABEL: func.func @gradient_of_one_update(
// CHECK: pock.sum
// CHECK: pock.sparse_update @w
// CHECK: %[[G:.+]] = pock.mul
// CHECK-NEXT: pock.yield %[[G]]
func.func @gradient_of_one_update(%x: tensor<4xf32>, %lr: tensor<f32>) -> tensor<f32> {
  %w = pock.load_param @w : tensor<4xf32>
  %y = pock.mul %x, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  %one = pock.constant dense<1.0> : tensor<4xf32>
  %g = pock.mul %one, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return %loss : tensor<f32>
}
