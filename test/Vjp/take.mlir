// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = g added at the indices, zero elsewhere.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]: {{.*}}, %[[I:[^:]+]]: tensor<2x3xi64>
// CHECK: %[[ZEROS:.+]] = pock.constant dense<0.0{{.*}} : tensor<10x4xf64>
// CHECK: %[[DX:.+]] = pock.scatter_add %[[ZEROS]], %[[I]], %[[G]] {dim = 0 : i64}
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<10x4xf64>
  func.func @loss(%g: tensor<2x3x4xf64>, %i: tensor<2x3xi64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<10x4xf64>
    %y = pock.take %x, %i {dim = 0 : i64} : (tensor<10x4xf64>, tensor<2x3xi64>) -> tensor<2x3x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x3x4xf64>, tensor<2x3x4xf64>) -> tensor<2x3x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1, 2>} : (tensor<2x3x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// Of integers: the gradient is a tensor of floats.

// CHECK-LABEL: func.func @step
// CHECK: %[[ZEROS:.+]] = pock.constant dense<0.0{{.*}} : tensor<5xf32>
// CHECK: pock.scatter_add %[[ZEROS]], %{{.+}}, %{{.+}} {dim = 0 : i64} : (tensor<5xf32>, tensor<7xi64>, tensor<7xf32>)
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<5xf32>
  func.func @loss(%i: tensor<7xi64>) -> tensor<f32> {
    %x = pock.load_param @x : tensor<5xf32>
    %q = pock.quantize %x {scale = 0.5 : f64} : (tensor<5xf32>) -> tensor<5xi8>
    %y = pock.take %q, %i {dim = 0 : i64} : (tensor<5xi8>, tensor<7xi64>) -> tensor<7xi8>
    %real = pock.dequantize %y {scale = 0.5 : f64} : (tensor<7xi8>) -> tensor<7xf32>
    %loss = pock.sum %real {dims = array<i64: 0>} : (tensor<7xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}
