// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// g to the operand that was chosen.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]: {{[^,]*}}, %[[M:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK: %[[DA:.+]] = pock.select %[[M]], %[[G]], %[[C]]
// CHECK: %[[SELECT:.+]] = pock.select %[[M]], %[[C]], %[[G]]
// CHECK: %[[DB:.+]] = pock.sum %[[SELECT]] {dims = array<i64: 0>}
// CHECK: pock.sparse_update @a
// CHECK: pock.yield %[[DA]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @a {trained} : tensor<2x4xf64>
  pock.param @b {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<2x4xf64>, %m: tensor<2x4xi1>) -> tensor<f64> {
    %a = pock.load_param @a : tensor<2x4xf64>
    %b = pock.load_param @b : tensor<4xf64>
    %y = pock.select %m, %a, %b : (tensor<2x4xi1>, tensor<2x4xf64>, tensor<4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
