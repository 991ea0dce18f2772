// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// d(x stop(exp(x))) = stop(exp(x)): no gradient of exp, and the op is gone.

// CHECK-LABEL: func.func @step
// CHECK-NOT: pock.stop_gradient
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[DX:.+]] = pock.exp %[[X]]
// CHECK: pock.mul %[[X]], %[[DX]]
// CHECK-NOT: pock.mul
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss() -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %fixed = pock.stop_gradient %x : (tensor<4xf64>) -> tensor<4xf64>
    %e = pock.exp %fixed : (tensor<4xf64>) -> tensor<4xf64>
    %y = pock.mul %x, %e : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
