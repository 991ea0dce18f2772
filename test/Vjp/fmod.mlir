// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// da = g; db = -g round((a - y) / b), the truncated quotient.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[A:.+]] = pock.load_param @a
// CHECK-DAG: %[[B:.+]] = pock.load_param @b
// CHECK: %[[Y:.+]] = pock.fmod %[[A]], %[[B]]
// CHECK: %[[MULTIPLE:.+]] = pock.sub %[[A]], %[[Y]]
// CHECK: %[[DIV:.+]] = pock.div %[[MULTIPLE]], %[[B]]
// CHECK: %[[QUOTIENT:.+]] = pock.round %[[DIV]]
// CHECK: %[[MUL:.+]] = pock.mul %[[G]], %[[QUOTIENT]]
// CHECK: %[[DB:.+]] = pock.neg %[[MUL]]
// CHECK: pock.sparse_update @a
// CHECK: pock.yield %[[G]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @a {trained} : tensor<4xf64>
  pock.param @b {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %a = pock.load_param @a : tensor<4xf64>
    %b = pock.load_param @b : tensor<4xf64>
    %y = pock.fmod %a, %b : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
