// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g between the ends, ends included: reads the input.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<-1.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C3:.+]] = pock.constant dense<1.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK-DAG: %[[ABOVE:.+]] = pock.cmp %[[X]], %[[C2]] {predicate = #pock.cmp<ge>}
// CHECK-DAG: %[[BELOW:.+]] = pock.cmp %[[X]], %[[C3]] {predicate = #pock.cmp<le>}
// CHECK: %[[INSIDE:.+]] = pock.and %[[ABOVE]], %[[BELOW]]
// CHECK: %[[DX:.+]] = pock.select %[[INSIDE]], %[[G]], %[[C]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.clamp %x {min = -1.0 : f64, max = 1.0 : f64} : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
