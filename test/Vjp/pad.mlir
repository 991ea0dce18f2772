// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g at the places that are not padding.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[DX:.+]] = pock.slice %[[G]] {limits = array<i64: 3, 8>, starts = array<i64: 0, 1>, strides = array<i64: 2, 3>}
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x3xf64>
  func.func @loss(%g: tensor<5x8xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x3xf64>
    %y = pock.pad %x {low = array<i64: 0, 1>, high = array<i64: 2, 0>, interior = array<i64: 1, 2>, value = 4.0 : f64} : (tensor<2x3xf64>) -> tensor<5x8xf64>
    %weighted = pock.mul %y, %g : (tensor<5x8xf64>, tensor<5x8xf64>) -> tensor<5x8xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<5x8xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
