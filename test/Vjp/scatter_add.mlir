// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g, du = g at the indices.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]: {{.*}}, %[[I:[^:]+]]: tensor<3xi64>
// CHECK: %[[DU:.+]] = pock.take %[[G]], %[[I]] {dim = 0 : i64}
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[G]]
// CHECK: pock.sparse_update @u
// CHECK: pock.yield %[[DU]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<10x4xf64>
  pock.param @u {trained} : tensor<3x4xf64>
  func.func @loss(%g: tensor<10x4xf64>, %i: tensor<3xi64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<10x4xf64>
    %u = pock.load_param @u : tensor<3x4xf64>
    %y = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<10x4xf64>, tensor<3xi64>, tensor<3x4xf64>) -> tensor<10x4xf64>
    %weighted = pock.mul %y, %g : (tensor<10x4xf64>, tensor<10x4xf64>) -> tensor<10x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<10x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
