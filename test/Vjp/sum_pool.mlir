// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = the sum of g over the windows of x.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[DX:.+]] = pock.sum_pool_grad %[[G]] {dilations = array<i64: 1, 2>, kernel = array<i64: 3, 2>, pad_high = array<i64: 0, 1>, pad_low = array<i64: 1, 0>, strides = array<i64: 2, 1>}
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<1x2x6x5xf64>
  func.func @loss(%g: tensor<1x2x3x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<1x2x6x5xf64>
    %y = pock.sum_pool %x {kernel = array<i64: 3, 2>, strides = array<i64: 2, 1>, pad_low = array<i64: 1, 0>, pad_high = array<i64: 0, 1>, dilations = array<i64: 1, 2>} : (tensor<1x2x6x5xf64>) -> tensor<1x2x3x4xf64>
    %weighted = pock.mul %y, %g : (tensor<1x2x3x4xf64>, tensor<1x2x3x4xf64>) -> tensor<1x2x3x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1, 2, 3>} : (tensor<1x2x3x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// Windows that tile x: dx = g repeated over each.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[THIN:.+]] = pock.reshape %[[G]] : (tensor<1x2x3x2xf64>) -> tensor<1x2x3x1x2x1xf64>
// CHECK: %[[WIDE:.+]] = pock.expand %[[THIN]] : (tensor<1x2x3x1x2x1xf64>) -> tensor<1x2x3x2x2x5xf64>
// CHECK: %[[DX:.+]] = pock.reshape %[[WIDE]] : (tensor<1x2x3x2x2x5xf64>) -> tensor<1x2x6x10xf64>
// CHECK-NOT: pock.sum_pool_grad
// CHECK: pock.yield %[[DX]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<1x2x6x10xf64>
  func.func @loss(%g: tensor<1x2x3x2xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<1x2x6x10xf64>
    %y = pock.sum_pool %x {kernel = array<i64: 2, 5>, strides = array<i64: 2, 5>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x6x10xf64>) -> tensor<1x2x3x2xf64>
    %weighted = pock.mul %y, %g : (tensor<1x2x3x2xf64>, tensor<1x2x3x2xf64>) -> tensor<1x2x3x2xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1, 2, 3>} : (tensor<1x2x3x2xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
