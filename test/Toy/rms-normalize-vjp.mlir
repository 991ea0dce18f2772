// RUN: toy-opt %s --pock-build-step --canonicalize --cse | FileCheck %s

// dx = r (g - y mean(g y)) with r = 1 / sqrt(mean(x^2) + eps).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[EPS:.+]] = pock.constant dense<1.000000e-05> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[Y:.+]] = toy.rms_normalize %[[X]]
// CHECK: %[[GY:.+]] = pock.mul %[[G]], %[[Y]]
// CHECK: %[[XX:.+]] = pock.mul %[[X]], %[[X]]
// CHECK: %[[SQUARE:.+]] = pock.mean %[[XX]]
// CHECK: %[[STABLE:.+]] = pock.add %[[SQUARE]], %[[EPS]]
// CHECK: %[[R:.+]] = pock.rsqrt %[[STABLE]]
// CHECK: %[[ALONG:.+]] = pock.mean %[[GY]]
// CHECK: %[[YA:.+]] = pock.mul %[[Y]], %[[ALONG]]
// CHECK: %[[REST:.+]] = pock.sub %[[G]], %[[YA]]
// CHECK: %[[DX:.+]] = pock.mul %[[R]], %[[REST]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4xf64>
  func.func @loss(%g: tensor<2x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4xf64>
    %y = toy.rms_normalize %x {dim = 1 : i64, eps = 1.0e-5 : f64} : (tensor<2x4xf64>) -> tensor<2x4xf64>
    %weighted = pock.mul %g, %y : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<2x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
