// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = -g exp(-x^2) 2 / sqrt(pi).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<-1.1283791670955126> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[MUL2:.+]] = pock.mul %[[X]], %[[X]]
// CHECK: %[[NEG:.+]] = pock.neg %[[MUL2]]
// CHECK: %[[EXP:.+]] = pock.exp %[[NEG]]
// CHECK: %[[MUL3:.+]] = pock.mul %[[EXP]], %[[C]]
// CHECK: %[[DX:.+]] = pock.mul %[[MUL3]], %[[G]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.erfc %x : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
