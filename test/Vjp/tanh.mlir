// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g (1 - y^2): reads the result.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<1.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[Y:.+]] = pock.tanh %[[X]]
// CHECK: %[[MUL2:.+]] = pock.mul %[[Y]], %[[Y]]
// CHECK: %[[SUB:.+]] = pock.sub %[[C]], %[[MUL2]]
// CHECK: %[[DX:.+]] = pock.mul %[[G]], %[[SUB]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.tanh %x : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
