// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// each input gets its slice of g.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[DA:.+]] = pock.slice %[[G]] {limits = array<i64: 2, 3>, starts = array<i64: 0, 0>, strides = array<i64: 1, 1>}
// CHECK: %[[DB:.+]] = pock.slice %[[G]] {limits = array<i64: 2, 4>, starts = array<i64: 0, 3>, strides = array<i64: 1, 1>}
// CHECK: pock.sparse_update @a
// CHECK: pock.yield %[[DA]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @a {trained} : tensor<2x3xf64>
  pock.param @b {trained} : tensor<2x1xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %a = pock.load_param @a : tensor<2x3xf64>
    %b = pock.load_param @b : tensor<2x1xf64>
    %y = pock.concat %a, %b {dim = 1 : i64} : (tensor<2x3xf64>, tensor<2x1xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
