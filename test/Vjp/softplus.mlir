// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g above the threshold, else g sigmoid(beta x).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<3.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<2.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[MUL2:.+]] = pock.mul %[[X]], %[[C2]]
// CHECK: %[[SIGMOID:.+]] = pock.sigmoid %[[MUL2]]
// CHECK: %[[MUL3:.+]] = pock.mul %[[G]], %[[SIGMOID]]
// CHECK: %[[CMP:.+]] = pock.cmp %[[MUL2]], %[[C]] {predicate = #pock.cmp<gt>}
// CHECK: %[[DX:.+]] = pock.select %[[CMP]], %[[G]], %[[MUL3]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.softplus %x {beta = 2.0 : f64, threshold = 3.0 : f64} : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
