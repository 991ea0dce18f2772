// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g / 8, broadcast.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<8.000000e+00> : tensor<f64>
// CHECK: %[[DIV:.+]] = pock.div %[[G]], %[[C]]
// CHECK: %[[RESHAPE:.+]] = pock.reshape %[[DIV]]
// CHECK: %[[DX:.+]] = pock.expand %[[RESHAPE]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x3x4xf64>
  func.func @loss(%g: tensor<3xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x3x4xf64>
    %y = pock.mean %x {dims = array<i64: 0, 2>} : (tensor<2x3x4xf64>) -> tensor<3xf64>
    %weighted = pock.mul %y, %g : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<3xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
