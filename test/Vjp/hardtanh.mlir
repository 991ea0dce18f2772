// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g strictly between the ends: reads the result.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<6.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[Y:.+]] = pock.hardtanh %[[X]] {max = 6.000000e+00
// CHECK-DAG: %[[LOW:.+]] = pock.cmp %[[Y]], %[[C2]] {predicate = #pock.cmp<gt>}
// CHECK-DAG: %[[HIGH:.+]] = pock.cmp %[[Y]], %[[C]] {predicate = #pock.cmp<lt>}
// CHECK: %[[INSIDE:.+]] = pock.and %[[LOW]], %[[HIGH]]
// CHECK: %[[DX:.+]] = pock.select %[[INSIDE]], %[[G]], %[[C2]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.hardtanh %x {min = 0.0 : f64, max = 6.0 : f64} : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
