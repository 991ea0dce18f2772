// RUN: toy-opt %s --pock-build-step --canonicalize --cse | FileCheck %s

// dx = (the running sum of g y from the other end) / x.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[Y:.+]] = toy.cumprod %[[X]] {dim = 1 : i64}
// CHECK: %[[GY:.+]] = pock.mul %[[G]], %[[Y]]
// CHECK: %[[SUM:.+]] = pock.cumsum %[[GY]] {dim = 1 : i64, reverse = true}
// CHECK: %[[DX:.+]] = pock.div %[[SUM]], %[[X]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y = toy.cumprod %x {dim = 1 : i64} : (tensor<2x4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %g, %y : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
