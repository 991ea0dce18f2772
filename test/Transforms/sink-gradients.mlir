// RUN: pock-opt %s --pock-sink-gradients | FileCheck %s

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

// The mask is an eighth of what it is made of: pock-schedule decides what is saved.
// What is known of parameters alone is left to pock-split-prepare.
// CHECK-LABEL: func.func @mask_and_parameters_stay(
// CHECK: pock.sum
// CHECK: %[[MASK:.+]] = pock.cmp
// CHECK: %[[SCALE:.+]] = pock.exp
// CHECK: pock.sparse_update @b
// CHECK: %[[H:.+]] = pock.select %[[MASK]]
// CHECK-NEXT: %[[G:.+]] = pock.mul %[[H]], %[[SCALE]]
// CHECK-NEXT: pock.yield %[[G]]
pock.param @b {trained} : tensor<4xf32>
pock.param @scale : tensor<4xf32>
func.func @mask_and_parameters_stay(%x: tensor<4xf32>, %lr: tensor<f32>) -> tensor<f32> {
  %b = pock.load_param @b : tensor<4xf32>
  %z = pock.add %x, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %y = pock.relu %z : (tensor<4xf32>) -> tensor<4xf32>
  %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
  %zero = pock.constant dense<0.0> : tensor<f32>
  %one = pock.constant dense<1.0> : tensor<4xf32>
  %mask = pock.cmp %y, %zero {predicate = #pock.cmp<le>} : (tensor<4xf32>, tensor<f32>) -> tensor<4xi1>
  %s = pock.load_param @scale : tensor<4xf32>
  %scale = pock.exp %s : (tensor<4xf32>) -> tensor<4xf32>
  %h = pock.select %mask, %zero, %one : (tensor<4xi1>, tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %g = pock.mul %h, %scale : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  pock.sparse_update @b lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return %loss : tensor<f32>
}
