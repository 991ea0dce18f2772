// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// The gradient of x is that of y times the mask, and that of y is the sum over
// both readers; nothing of the way from x to the value is differentiated.

// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[MASK:.+]]: tensor<4xf64>, %[[LR:.+]]: tensor<f64>
// CHECK-NOT: pock.custom_gradient
// CHECK-NOT: pock.set_gradients
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: pock.exp %[[X]]
// CHECK: pock.sum
// CHECK: %[[TWICE:.+]] = pock.mul %[[MASK]], %{{.+}} : (tensor<4xf64>, tensor<f64>)
// CHECK: %[[DY:.+]] = pock.add %[[MASK]], %[[TWICE]]
// CHECK: %[[DX:.+]] = pock.mul %[[DY]], %[[MASK]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%mask: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %fixed = pock.stop_gradient %x : (tensor<4xf64>) -> tensor<4xf64>
    %v = pock.exp %fixed : (tensor<4xf64>) -> tensor<4xf64>
    %y, %dy = pock.custom_gradient inputs(%x : tensor<4xf64>) values(%v : tensor<4xf64>)
    %dx = pock.mul %dy, %mask : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    pock.set_gradients %y gives %dx : tensor<4xf64>, tensor<4xf64>
    %two = pock.constant dense<2.0> : tensor<f64>
    %twice = pock.mul %y, %two : (tensor<4xf64>, tensor<f64>) -> tensor<4xf64>
    %sum = pock.add %y, %twice : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %z = pock.mul %sum, %mask : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %z {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// Of two values the loss reads one: the cotangent of the other is zero, so that
// of the two inputs w receives a gradient of zeros, and the one that nothing
// sets receives none.

// CHECK-LABEL: func.func @step(
// CHECK-DAG: %[[ZERO:.+]] = pock.constant dense<0.000000e+00> : tensor<4xf64>
// CHECK-DAG: %[[ONE:.+]] = pock.constant dense<1.000000e+00> : tensor<4xf64>
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[ONE]]
// CHECK: pock.sparse_update @w
// CHECK: pock.yield %[[ZERO]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  pock.param @w {trained} : tensor<4xf64>
  func.func @loss() -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %w = pock.load_param @w : tensor<4xf64>
    %y:2, %dy:2 = pock.custom_gradient inputs(%x, %w : tensor<4xf64>, tensor<4xf64>) values(%x, %w : tensor<4xf64>, tensor<4xf64>)
    pock.set_gradients %y#0 gives %dy#0, %dy#1 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
    %z, %dz = pock.custom_gradient inputs(%y#1 : tensor<4xf64>) values(%y#0 : tensor<4xf64>)
    %sum = pock.add %y#0, %z : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %sum {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
