// RUN: toy-opt %s --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g (t + x sigmoid(x) (1 - t^2)) with t = tanh(log(1 + exp(x))).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[ONE:.+]] = pock.constant dense<1.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[EXP:.+]] = pock.exp %[[X]]
// CHECK: %[[SOFTPLUS:.+]] = pock.log1p %[[EXP]]
// CHECK: %[[T:.+]] = pock.tanh %[[SOFTPLUS]]
// CHECK: %[[S:.+]] = pock.sigmoid %[[X]]
// CHECK: %[[XS:.+]] = pock.mul %[[X]], %[[S]]
// CHECK: %[[TT:.+]] = pock.mul %[[T]], %[[T]]
// CHECK: %[[REST:.+]] = pock.sub %[[ONE]], %[[TT]]
// CHECK: %[[SLOPE:.+]] = pock.mul %[[XS]], %[[REST]]
// CHECK: %[[SUM:.+]] = pock.add %[[T]], %[[SLOPE]]
// CHECK: %[[DX:.+]] = pock.mul %[[G]], %[[SUM]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = toy.mish %x : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
