// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g spread, zero elsewhere.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[DX:.+]] = pock.pad %[[G]] {high = array<i64: 1, 3>, interior = array<i64: 0, 2>, low = array<i64: 0, 1>}
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<3x8xf64>
  func.func @loss(%g: tensor<2x2xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<3x8xf64>
    %y = pock.slice %x {starts = array<i64: 0, 1>, limits = array<i64: 2, 7>, strides = array<i64: 1, 3>} : (tensor<3x8xf64>) -> tensor<2x2xf64>
    %weighted = pock.mul %y, %g : (tensor<2x2xf64>, tensor<2x2xf64>) -> tensor<2x2xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x2xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
