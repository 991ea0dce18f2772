// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g / 6 where -3 < x < 3.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<3.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C3:.+]] = pock.constant dense<-3.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C4:.+]] = pock.constant dense<6.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[DIV:.+]] = pock.div %[[G]], %[[C4]]
// CHECK: %[[CMP:.+]] = pock.cmp %[[X]], %[[C3]] {predicate = #pock.cmp<gt>}
// CHECK: %[[SELECT:.+]] = pock.select %[[CMP]], %[[DIV]], %[[C2]]
// CHECK: %[[CMP2:.+]] = pock.cmp %[[X]], %[[C]] {predicate = #pock.cmp<lt>}
// CHECK: %[[DX:.+]] = pock.select %[[CMP2]], %[[SELECT]], %[[C2]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.hardsigmoid %x : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
