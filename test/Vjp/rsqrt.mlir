// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = -g y^3 / 2: reads the result.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<-5.000000e-01> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[Y:.+]] = pock.rsqrt %[[X]]
// CHECK: %[[MUL2:.+]] = pock.mul %[[Y]], %[[C]]
// CHECK: %[[MUL3:.+]] = pock.mul %[[MUL2]], %[[Y]]
// CHECK: %[[MUL4:.+]] = pock.mul %[[MUL3]], %[[Y]]
// CHECK: %[[DX:.+]] = pock.mul %[[G]], %[[MUL4]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.rsqrt %x : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
