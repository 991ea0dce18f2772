// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// da = g b a^(b - 1), zero where b = 0; db = g y log(a), zero where a = 0 and b >= 0.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<1.000000e+00> : tensor<f64>
// CHECK: %[[A:.+]] = pock.load_param @a
// CHECK: %[[B:.+]] = pock.load_param @b
// CHECK: %[[Y:.+]] = pock.pow %[[A]], %[[B]]
// CHECK: %[[SUB:.+]] = pock.sub %[[B]], %[[C2]]
// CHECK: %[[POW:.+]] = pock.pow %[[A]], %[[SUB]]
// CHECK: %[[MUL2:.+]] = pock.mul %[[B]], %[[POW]]
// CHECK: %[[MUL3:.+]] = pock.mul %[[G]], %[[MUL2]]
// CHECK: %[[CMP:.+]] = pock.cmp %[[B]], %[[C]] {predicate = #pock.cmp<eq>}
// CHECK: %[[DA:.+]] = pock.select %[[CMP]], %[[C]], %[[MUL3]]
// CHECK: %[[LOG:.+]] = pock.log %[[A]]
// CHECK: %[[MUL4:.+]] = pock.mul %[[Y]], %[[LOG]]
// CHECK: %[[MUL5:.+]] = pock.mul %[[G]], %[[MUL4]]
// CHECK: %[[CMP2:.+]] = pock.cmp %[[A]], %[[C]] {predicate = #pock.cmp<eq>}
// CHECK: %[[CMP3:.+]] = pock.cmp %[[B]], %[[C]] {predicate = #pock.cmp<ge>}
// CHECK: %[[AND:.+]] = pock.and %[[CMP2]], %[[CMP3]]
// CHECK: %[[SELECT:.+]] = pock.select %[[AND]], %[[C]], %[[MUL5]]
// CHECK: %[[DB:.+]] = pock.sum %[[SELECT]] {dims = array<i64: 0>}
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
    %y = pock.pow %a, %b : (tensor<2x4xf64>, tensor<4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
