// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// g to the smaller, half to each of two equal ones.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<5.000000e-01> : tensor<f64>
// CHECK: %[[A:.+]] = pock.load_param @a
// CHECK: %[[B:.+]] = pock.load_param @b
// CHECK: %[[MUL2:.+]] = pock.mul %[[G]], %[[C2]]
// CHECK: %[[CMP:.+]] = pock.cmp %[[A]], %[[B]] {predicate = #pock.cmp<eq>}
// CHECK: %[[SELECT:.+]] = pock.select %[[CMP]], %[[MUL2]], %[[G]]
// CHECK: %[[CMP2:.+]] = pock.cmp %[[A]], %[[B]] {predicate = #pock.cmp<gt>}
// CHECK: %[[DA:.+]] = pock.select %[[CMP2]], %[[C]], %[[SELECT]]
// CHECK: %[[CMP3:.+]] = pock.cmp %[[B]], %[[A]] {predicate = #pock.cmp<eq>}
// CHECK: %[[SELECT2:.+]] = pock.select %[[CMP3]], %[[MUL2]], %[[G]]
// CHECK: %[[CMP4:.+]] = pock.cmp %[[B]], %[[A]] {predicate = #pock.cmp<gt>}
// CHECK: %[[SELECT3:.+]] = pock.select %[[CMP4]], %[[C]], %[[SELECT2]]
// CHECK: %[[DB:.+]] = pock.sum %[[SELECT3]] {dims = array<i64: 0>}
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
    %y = pock.minimum %a, %b : (tensor<2x4xf64>, tensor<4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
