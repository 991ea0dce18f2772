// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g d, db = sum(g e); nothing through what computes the value, and the op is gone.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]: tensor<4xf64>, %[[D:[^:]+]]: tensor<4xf64>, %[[E:[^:]+]]: tensor<f64>
// CHECK-NOT: pock.with_derivatives
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[V:.+]] = pock.exp %[[X]]
// CHECK: %[[LOSS:.+]] = pock.mul %[[V]], %[[G]]
// CHECK: %[[DX:.+]] = pock.mul %[[G]], %[[D]]
// CHECK: %[[PART:.+]] = pock.mul %[[G]], %[[E]]
// CHECK: %[[DB:.+]] = pock.sum %[[PART]]
// CHECK-NOT: pock.mul
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  pock.param @b {trained} : tensor<f64>
  func.func @loss(%g: tensor<4xf64>, %d: tensor<4xf64>, %e: tensor<f64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %b = pock.load_param @b : tensor<f64>
    %v = pock.exp %x : (tensor<4xf64>) -> tensor<4xf64>
    %y = pock.with_derivatives %v, %x, %b, %d, %e : (tensor<4xf64>, tensor<4xf64>, tensor<f64>, tensor<4xf64>, tensor<f64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
