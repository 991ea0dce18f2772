// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g where y > 0, else slope g: reads the result.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<1.000000e-01> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[Y:.+]] = pock.leaky_relu %[[X]] {slope = 1.000000e-01
// CHECK: %[[CMP:.+]] = pock.cmp %[[Y]], %[[C2]] {predicate = #pock.cmp<gt>}
// CHECK: %[[MUL2:.+]] = pock.mul %[[G]], %[[C]]
// CHECK: %[[DX:.+]] = pock.select %[[CMP]], %[[G]], %[[MUL2]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.leaky_relu %x {slope = 0.1 : f64} : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
