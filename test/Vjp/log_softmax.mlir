// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g - exp(y) sum(g): reads the result.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[Y:.+]] = pock.log_softmax %[[X]] {dim = 1
// CHECK: %[[SUM2:.+]] = pock.sum %[[G]] {dims = array<i64: 1>, keepdim = true}
// CHECK: %[[EXP:.+]] = pock.exp %[[Y]]
// CHECK: %[[MUL2:.+]] = pock.mul %[[EXP]], %[[SUM2]]
// CHECK: %[[DX:.+]] = pock.sub %[[G]], %[[MUL2]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y = pock.log_softmax %x {dim = 1 : i64} : (tensor<2x4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
