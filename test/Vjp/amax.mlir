// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g / n at each of the n maxima.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[Y:.+]] = pock.amax %[[X]] {dims = array<i64: 1>}
// CHECK: %[[RESHAPE:.+]] = pock.reshape %[[Y]]
// CHECK: %[[CMP:.+]] = pock.cmp %[[X]], %[[RESHAPE]] {predicate = #pock.cmp<eq>}
// CHECK: %[[CAST:.+]] = pock.cast %[[CMP]]
// CHECK: %[[SUM2:.+]] = pock.sum %[[CAST]] {dims = array<i64: 1>, keepdim = true}
// CHECK: %[[RESHAPE2:.+]] = pock.reshape %[[G]]
// CHECK: %[[DIV:.+]] = pock.div %[[RESHAPE2]], %[[SUM2]]
// CHECK: %[[DX:.+]] = pock.mul %[[CAST]], %[[DIV]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y = pock.amax %x {dims = array<i64: 1>} : (tensor<2x4xf64>) -> tensor<2xf64>
    %weighted = pock.mul %y, %g : (tensor<2xf64>, tensor<2xf64>) -> tensor<2xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<2xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
