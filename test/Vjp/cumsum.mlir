// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = the running sum of g from the other end.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[DX:.+]] = pock.cumsum %[[G]] {dim = 1 : i64, reverse = true}
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y = pock.cumsum %x {dim = 1 : i64} : (tensor<2x4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// And back.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[DX:.+]] = pock.cumsum %[[G]] {dim = 1 : i64} :
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y = pock.cumsum %x {dim = 1 : i64, reverse = true} : (tensor<2x4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
