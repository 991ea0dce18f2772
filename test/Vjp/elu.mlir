// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = scale g where x > 0, else input_scale alpha scale exp(input_scale x) g.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<2.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<0.000000e+00> : tensor<f64>
// CHECK-DAG: %[[C3:.+]] = pock.constant dense<1.500000e+00> : tensor<f64>
// CHECK-DAG: %[[C4:.+]] = pock.constant dense<5.000000e-01> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[MUL2:.+]] = pock.mul %[[X]], %[[C4]]
// CHECK: %[[EXP:.+]] = pock.exp %[[MUL2]]
// CHECK: %[[MUL3:.+]] = pock.mul %[[EXP]], %[[C3]]
// CHECK: %[[CMP:.+]] = pock.cmp %[[X]], %[[C2]] {predicate = #pock.cmp<gt>}
// CHECK: %[[SELECT:.+]] = pock.select %[[CMP]], %[[C]], %[[MUL3]]
// CHECK: %[[DX:.+]] = pock.mul %[[G]], %[[SELECT]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.elu %x {alpha = 1.5 : f64, scale = 2.0 : f64, input_scale = 0.5 : f64} : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
