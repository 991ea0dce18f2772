// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g permuted back.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[DX:.+]] = pock.transpose %[[G]] {permutation = array<i64: 1, 2, 0>}
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x3x4xf64>
  func.func @loss(%g: tensor<4x2x3xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x3x4xf64>
    %y = pock.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf64>) -> tensor<4x2x3xf64>
    %weighted = pock.mul %y, %g : (tensor<4x2x3xf64>, tensor<4x2x3xf64>) -> tensor<4x2x3xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1, 2>} : (tensor<4x2x3xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
