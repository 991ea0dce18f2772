// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g (x - t) / max(x (1 - x), 1e-12).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[T:[^:]+]]:
// CHECK-DAG: %[[BOUND:.+]] = pock.constant dense<9.999999{{.*}}E-13>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[REST:.+]] = pock.sub %{{.+}}, %[[X]]
// CHECK: %[[VARIANCE:.+]] = pock.mul %[[X]], %[[REST]]
// CHECK: %[[DIVISOR:.+]] = pock.maximum %[[VARIANCE]], %[[BOUND]]
// CHECK: %[[DIFFERENCE:.+]] = pock.sub %[[X]], %[[T]]
// CHECK: %[[SLOPE:.+]] = pock.div %[[DIFFERENCE]], %[[DIVISOR]]
// CHECK: pock.sparse_update @x
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%t: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.bce %x, %t : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// dt = g (log(1 - x) - log(x)), which is not limited.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[X:[^:]+]]:
// CHECK: %[[T:.+]] = pock.load_param @t
// CHECK: %[[LOG:.+]] = pock.log %[[X]]
// CHECK: %[[NEG:.+]] = pock.neg %[[X]]
// CHECK: %[[REST:.+]] = pock.log1p %[[NEG]]
// CHECK: %[[DT:.+]] = pock.sub %[[REST]], %[[LOG]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @t {trained} : tensor<4xf64>
  func.func @loss(%x: tensor<4xf64>) -> tensor<f64> {
    %t = pock.load_param @t : tensor<4xf64>
    %y = pock.bce %x, %t : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
