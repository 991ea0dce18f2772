// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g (P(x) + x p(x)) with the normal distribution P and its density p.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<0.3989422804014327> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<-5.000000e-01> : tensor<f64>
// CHECK-DAG: %[[C3:.+]] = pock.constant dense<5.000000e-01> : tensor<f64>
// CHECK-DAG: %[[C4:.+]] = pock.constant dense<0.70710678118654757> : tensor<f64>
// CHECK-DAG: %[[C5:.+]] = pock.constant dense<1.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[MUL2:.+]] = pock.mul %[[X]], %[[C4]]
// CHECK: %[[ERF:.+]] = pock.erf %[[MUL2]]
// CHECK: %[[ADD:.+]] = pock.add %[[ERF]], %[[C5]]
// CHECK: %[[MUL3:.+]] = pock.mul %[[ADD]], %[[C3]]
// CHECK: %[[MUL4:.+]] = pock.mul %[[X]], %[[X]]
// CHECK: %[[MUL5:.+]] = pock.mul %[[MUL4]], %[[C2]]
// CHECK: %[[EXP:.+]] = pock.exp %[[MUL5]]
// CHECK: %[[MUL6:.+]] = pock.mul %[[EXP]], %[[C]]
// CHECK: %[[MUL7:.+]] = pock.mul %[[X]], %[[MUL6]]
// CHECK: %[[ADD2:.+]] = pock.add %[[MUL3]], %[[MUL7]]
// CHECK: %[[DX:.+]] = pock.mul %[[G]], %[[ADD2]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.gelu %x : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// dx = g ((1 + t) / 2 + x (1 - t^2) u' / 2) with t = tanh(u).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK-DAG: %[[C:.+]] = pock.constant dense<5.000000e-01> : tensor<f64>
// CHECK-DAG: %[[C2:.+]] = pock.constant dense<1.341450e-01> : tensor<f64>
// CHECK-DAG: %[[C3:.+]] = pock.constant dense<0.79788456080286541> : tensor<f64>
// CHECK-DAG: %[[C4:.+]] = pock.constant dense<4.471500e-02> : tensor<f64>
// CHECK-DAG: %[[C5:.+]] = pock.constant dense<1.000000e+00> : tensor<f64>
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[MUL2:.+]] = pock.mul %[[X]], %[[X]]
// CHECK: %[[MUL3:.+]] = pock.mul %[[MUL2]], %[[X]]
// CHECK: %[[MUL4:.+]] = pock.mul %[[MUL3]], %[[C4]]
// CHECK: %[[ADD:.+]] = pock.add %[[X]], %[[MUL4]]
// CHECK: %[[MUL5:.+]] = pock.mul %[[ADD]], %[[C3]]
// CHECK: %[[TANH:.+]] = pock.tanh %[[MUL5]]
// CHECK: %[[MUL6:.+]] = pock.mul %[[MUL2]], %[[C2]]
// CHECK: %[[ADD2:.+]] = pock.add %[[MUL6]], %[[C5]]
// CHECK: %[[MUL7:.+]] = pock.mul %[[ADD2]], %[[C3]]
// CHECK: %[[MUL8:.+]] = pock.mul %[[X]], %[[C]]
// CHECK: %[[MUL9:.+]] = pock.mul %[[TANH]], %[[TANH]]
// CHECK: %[[SUB:.+]] = pock.sub %[[C5]], %[[MUL9]]
// CHECK: %[[MUL10:.+]] = pock.mul %[[MUL8]], %[[SUB]]
// CHECK: %[[ADD3:.+]] = pock.add %[[TANH]], %[[C5]]
// CHECK: %[[MUL11:.+]] = pock.mul %[[ADD3]], %[[C]]
// CHECK: %[[MUL12:.+]] = pock.mul %[[MUL10]], %[[MUL7]]
// CHECK: %[[ADD4:.+]] = pock.add %[[MUL11]], %[[MUL12]]
// CHECK: %[[DX:.+]] = pock.mul %[[G]], %[[ADD4]]
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<4xf64>
  func.func @loss(%g: tensor<4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<4xf64>
    %y = pock.gelu %x {approximate = #pock.gelu<tanh>} : (tensor<4xf64>) -> tensor<4xf64>
    %weighted = pock.mul %y, %g : (tensor<4xf64>, tensor<4xf64>) -> tensor<4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
