// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = the sum of g over the copies.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[SUM2:.+]] = pock.sum %[[G]] {dims = array<i64: 0, 2>}
// CHECK: %[[DX:.+]] = pock.reshape %[[SUM2]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<3x1xf64>
  func.func @loss(%g: tensor<2x3x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<3x1xf64>
    %y = pock.expand %x : (tensor<3x1xf64>) -> tensor<2x3x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<2x3x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1, 2>} : (tensor<2x3x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
