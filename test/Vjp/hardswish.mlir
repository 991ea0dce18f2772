// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = 0 where x <= -3, g where x >= 3, else g (x / 3 + 1 / 2), also of NaN.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<-3.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C3:.+]] = pock.constant dense<5.000000e-01> : tensor<f64>
// CHECK-DAG: %[[C4:.+]] = pock.constant dense<3.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[DIV:.+]] = pock.div %[[X]], %[[C4]]
// CHECK: %[[ADD:.+]] = pock.add %[[DIV]], %[[C3]]
// CHECK: %[[MUL2:.+]] = pock.mul %[[G]], %[[ADD]]
// CHECK: %[[CMP:.+]] = pock.cmp %[[X]], %[[C4]] {predicate = #pock.cmp<ge>}
// CHECK: %[[SELECT:.+]] = pock.select %[[CMP]], %[[G]], %[[MUL2]]
// CHECK: %[[CMP2:.+]] = pock.cmp %[[X]], %[[C2]] {predicate = #pock.cmp<le>}
// CHECK: %[[DX:.+]] = pock.select %[[CMP2]], %[[C]], %[[SELECT]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.hardswish %x : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
