// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = dropout(g) with the mask of the forward pass: every attribute is kept.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]: {{.*}}, %[[SEED:[^:]+]]: tensor<i64>, %[[NUMBER:[^:]+]]: tensor<i64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: pock.dropout %[[X]], %[[SEED]], %[[NUMBER]] [[MASK:{.*}]] :
// CHECK: %[[DX:.+]] = pock.dropout %[[G]], %[[SEED]], %[[NUMBER]] [[MASK]] :
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2x4xf64>, %seed: tensor<i64>, %number: tensor<i64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y = pock.dropout %x, %seed, %number {p = 0.5 : f64, stream = 3 : i64, strides = array<i64: 4, 1>, offset = 8 : i64} : (tensor<2x4xf64>, tensor<i64>, tensor<i64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
