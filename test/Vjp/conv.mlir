// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// dx = conv_transpose(g, w), dw = conv_weight_grad(x, g).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[X:.+]] = pock.load_param @x
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[DX:.+]] = pock.conv_transpose %[[G]], %[[W]] {dilations = array<i64: 1, 2>, groups = 2
// CHECK: %[[DW:.+]] = pock.conv_weight_grad %[[X]], %[[G]] {dilations = array<i64: 1, 2>, groups = 2
// CHECK: pock.sparse_update @x
// CHECK: pock.yield %[[DX]]
// CHECK: pock.sparse_update @w
// CHECK: pock.yield %[[DW]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @x {trained} : tensor<2x4x6x5xf64>
  pock.param @w {trained} : tensor<6x2x3x2xf64>
  func.func @loss(%g: tensor<2x6x3x4xf64>) -> tensor<f64> {
    %x = pock.load_param @x : tensor<2x4x6x5xf64>
    %w = pock.load_param @w : tensor<6x2x3x2xf64>
    %y = pock.conv %x, %w {strides = array<i64: 2, 1>, pad_low = array<i64: 1, 0>, pad_high = array<i64: 0, 1>, dilations = array<i64: 1, 2>, groups = 2 : i64} : (tensor<2x4x6x5xf64>, tensor<6x2x3x2xf64>) -> tensor<2x6x3x4xf64>
    %weighted = pock.mul %y, %g : (tensor<2x6x3x4xf64>, tensor<2x6x3x4xf64>) -> tensor<2x6x3x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1, 2, 3>} : (tensor<2x6x3x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
