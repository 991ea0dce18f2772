// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g in the shape of x.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[DX:.+]] = pock.reshape %[[G]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x6xf64>
  func.func @loss(%g: tensor<3x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x6xf64>
    %y = pock.reshape %x : (tensor<2x6xf64>) -> tensor<3x4xf64>
    %weighted = pock.mul %y, %g : (tensor<3x4xf64>, tensor<3x4xf64>) -> tensor<3x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<3x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
