// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g / (x^2 + 1).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[ONE:.+]] = pock.constant dense<1.0
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[SQUARE:.+]] = pock.mul %[[X]], %[[X]]
// CHECK: %[[ADD:.+]] = pock.add %[[SQUARE]], %[[ONE]]
// CHECK: %[[DX:.+]] = pock.div %[[G]], %[[ADD]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.atan %x : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
