// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = r (g - y mean(g y) - mean(g)): reads the results, not x.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[Y:.+]], %[[R:.+]] = pock.normalize
// CHECK: %[[YG:.+]] = pock.mul %[[Y]], %[[G]]
// CHECK: %[[ALONG:.+]] = pock.mean %[[YG]] {dims = array<i64: 1>, keepdim = true}
// CHECK: %[[PART:.+]] = pock.mul %[[Y]], %[[ALONG]]
// CHECK: %[[REST:.+]] = pock.sub %[[G]], %[[PART]]
// CHECK: %[[MEAN:.+]] = pock.mean %[[G]] {dims = array<i64: 1>, keepdim = true}
// CHECK: %[[SUB:.+]] = pock.sub %[[REST]], %[[MEAN]]
// CHECK: %[[DX:.+]] = pock.mul %[[SUB]], %[[R]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y, %r = pock.normalize %x {dims = array<i64: 1>} : (tensor<2x4xf64>) -> (tensor<2x4xf64>, tensor<2x1xf64>)
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// Not centered: no mean of g.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[Y:.+]], %[[R:.+]] = pock.normalize
// CHECK: %[[YG:.+]] = pock.mul %[[Y]], %[[G]]
// CHECK: %[[ALONG:.+]] = pock.mean %[[YG]] {dims = array<i64: 1>, keepdim = true}
// CHECK: %[[PART:.+]] = pock.mul %[[Y]], %[[ALONG]]
// CHECK: %[[REST:.+]] = pock.sub %[[G]], %[[PART]]
// CHECK-NEXT: %[[DX:.+]] = pock.mul %[[REST]], %[[R]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y, %r = pock.normalize %x {dims = array<i64: 1>, centered = false} : (tensor<2x4xf64>) -> (tensor<2x4xf64>, tensor<2x1xf64>)
    %weighted = pock.mul %y, %g : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// Of r, with h its cotangent and n = 4: dx = -h r^2 y / n.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[H:[^:]+]]:
// CHECK: %[[SCALE:.+]] = pock.constant dense<-2.500000e-01>
// CHECK: %[[Y:.+]], %[[R:.+]] = pock.normalize
// CHECK: %[[RR:.+]] = pock.mul %[[R]], %[[R]]
// CHECK: %[[HRR:.+]] = pock.mul %[[H]], %[[RR]]
// CHECK: %[[SCALED:.+]] = pock.mul %[[HRR]], %[[SCALE]]
// CHECK: %[[DX:.+]] = pock.mul %[[Y]], %[[SCALED]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%h: tensor<2x1xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y, %r = pock.normalize %x {dims = array<i64: 1>} : (tensor<2x4xf64>) -> (tensor<2x4xf64>, tensor<2x1xf64>)
    %weighted = pock.mul %r, %h : (tensor<2x1xf64>, tensor<2x1xf64>) -> tensor<2x1xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x1xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
