// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// da = g / b, db = -g y / b.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[A:.+]] = pock.load_param @a
// CHECK: %[[B:.+]] = pock.load_param @b
// CHECK: %[[Y:.+]] = pock.div %[[A]], %[[B]]
// CHECK: %[[DA:.+]] = pock.div %[[G]], %[[B]]
// CHECK: %[[DIV:.+]] = pock.div %[[Y]], %[[B]]
// CHECK: %[[MUL2:.+]] = pock.mul %[[G]], %[[DIV]]
// CHECK: %[[SUM2:.+]] = pock.sum %[[MUL2]] {dims = array<i64: 0>}
// CHECK: %[[DB:.+]] = pock.neg %[[SUM2]]
// CHECK: pock.sparse_update @a
// CHECK: pock.yield %[[DA]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @a {trained} : tensor<2x4xf64>
  pock.param @b {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %a = pock.load_param @a : tensor<2x4xf64>
    %b = pock.load_param @b : tensor<4xf64>
    %y = pock.div %a, %b : (tensor<2x4xf64>, tensor<4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
