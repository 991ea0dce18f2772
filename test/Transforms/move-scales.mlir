// RUN: pock-opt %s --pock-move-scales --split-input-file | FileCheck %s

// The gradient is kept for its sum: the scale goes to the weight and to the
// weight's gradient.
// CHECK-LABEL: func.func @convolution(
// CHECK-SAME: %[[X:.+]]: tensor<1x8x8x4xf32>, %[[W:.+]]: tensor<1x1x4x4xf32>, %[[S:.+]]: tensor<1x1x1x4xf32>, %[[T:.+]]: tensor
// CHECK: %[[G:.+]] = pock.exp
// CHECK: %[[V:.+]] = pock.reshape %[[S]] : {{.*}} -> tensor<4xf32>
// CHECK: %[[WS:.+]] = pock.mul %[[W]], %[[V]]
// CHECK: %[[DX:.+]] = pock.conv_transpose %[[G]], %[[WS]]
// CHECK: %[[D:.+]] = pock.conv_weight_grad %[[X]], %[[G]]
// CHECK: %[[DW:.+]] = pock.mul %[[D]], %{{.+}} : (tensor<1x1x4x4xf32>
// CHECK: pock.sum %[[G]]
// CHECK: return %{{.+}}, %[[DX]], %[[DW]]
func.func @convolution(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x4xf32>, %s: tensor<1x1x1x4xf32>, %t: tensor<1x8x8x4xf32>)
    -> (tensor<f32>, tensor<1x8x8x4xf32>, tensor<1x1x4x4xf32>, tensor<4xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1, 2, 3>} : (tensor<1x8x8x4xf32>) -> tensor<f32>
  %g = pock.exp %t : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  %gs = pock.mul %g, %s : (tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x8x8x4xf32>
  %dx = pock.conv_transpose %gs, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x8x8x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x8x8x4xf32>
  %dw = pock.conv_weight_grad %x, %gs {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x8x8x4xf32>, tensor<1x8x8x4xf32>) -> tensor<1x1x4x4xf32>
  %db = pock.sum %g {dims = array<i64: 0, 1, 2>} : (tensor<1x8x8x4xf32>) -> tensor<4xf32>
  return %loss, %dx, %dw, %db : tensor<f32>, tensor<1x8x8x4xf32>, tensor<1x1x4x4xf32>, tensor<4xf32>
}

// -----

// Channels first: the weight's output channels are its first dimension.
// CHECK-LABEL: func.func @channels_first(
// CHECK: %[[D:.+]] = pock.conv_weight_grad
// CHECK: %[[A:.+]] = pock.reshape %{{.+}} : {{.*}} -> tensor<4x1x1x1xf32>
// CHECK: pock.mul %[[D]], %[[A]]
func.func @channels_first(%x: tensor<1x4x8x8xf32>, %s: tensor<4x1x1xf32>, %t: tensor<1x4x8x8xf32>)
    -> (tensor<f32>, tensor<4x4x1x1xf32>, tensor<1x4xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1, 2, 3>} : (tensor<1x4x8x8xf32>) -> tensor<f32>
  %g = pock.exp %t : (tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %gs = pock.mul %s, %g : (tensor<4x1x1xf32>, tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %dw = pock.conv_weight_grad %x, %gs {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) -> tensor<4x4x1x1xf32>
  %db = pock.sum %g {dims = array<i64: 2, 3>} : (tensor<1x4x8x8xf32>) -> tensor<1x4xf32>
  return %loss, %dw, %db : tensor<f32>, tensor<4x4x1x1xf32>, tensor<1x4xf32>
}

// -----

// Products of matrices alike; the sum behind them keeps the gradient.
// CHECK-LABEL: func.func @product(
// CHECK-SAME: %[[X:.+]]: tensor<64x4xf32>, %[[WT:.+]]: tensor<8x4xf32>, %[[S:.+]]: tensor<8xf32>, %[[T:.+]]: tensor
// CHECK: %[[G:.+]] = pock.exp
// CHECK: %[[A:.+]] = pock.reshape %[[S]] : {{.*}} -> tensor<8x1xf32>
// CHECK: %[[WS:.+]] = pock.mul %[[WT]], %[[A]]
// CHECK: pock.matmul %[[G]], %[[WS]]
// CHECK: %[[D:.+]] = pock.matmul %[[X]], %[[G]] {transpose_lhs}
// CHECK: pock.mul %[[D]], %{{.+}} : (tensor<4x8xf32>
func.func @product(%x: tensor<64x4xf32>, %wt: tensor<8x4xf32>, %s: tensor<8xf32>, %t: tensor<64x8xf32>)
    -> (tensor<f32>, tensor<64x4xf32>, tensor<4x8xf32>, tensor<8xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %g = pock.exp %t : (tensor<64x8xf32>) -> tensor<64x8xf32>
  %gs = pock.mul %g, %s : (tensor<64x8xf32>, tensor<8xf32>) -> tensor<64x8xf32>
  %dx = pock.matmul %gs, %wt : (tensor<64x8xf32>, tensor<8x4xf32>) -> tensor<64x4xf32>
  %dw = pock.matmul %x, %gs {transpose_lhs} : (tensor<64x4xf32>, tensor<64x8xf32>) -> tensor<4x8xf32>
  %db = pock.sum %g {dims = array<i64: 0>} : (tensor<64x8xf32>) -> tensor<8xf32>
  return %loss, %dx, %dw, %db : tensor<f32>, tensor<64x4xf32>, tensor<4x8xf32>, tensor<8xf32>
}

// -----

// Nobody else reads the gradient: its scale is computed on the way.
// CHECK-LABEL: func.func @only_reader(
// CHECK: %[[GS:.+]] = pock.mul
// CHECK: pock.matmul %{{.+}}, %[[GS]] {transpose_lhs}
func.func @only_reader(%x: tensor<64x4xf32>, %s: tensor<8xf32>, %t: tensor<64x8xf32>) -> (tensor<f32>, tensor<4x8xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %g = pock.exp %t : (tensor<64x8xf32>) -> tensor<64x8xf32>
  %gs = pock.mul %g, %s : (tensor<64x8xf32>, tensor<8xf32>) -> tensor<64x8xf32>
  %dw = pock.matmul %x, %gs {transpose_lhs} : (tensor<64x4xf32>, tensor<64x8xf32>) -> tensor<4x8xf32>
  return %loss, %dw : tensor<f32>, tensor<4x8xf32>
}

// -----

// A weight as large as the gradient, and another reader of the scaled one.
// CHECK-LABEL: func.func @large_weight(
// CHECK: %[[GS:.+]] = pock.mul
// CHECK: pock.matmul %[[GS]]
// CHECK-LABEL: func.func @other_reader(
// CHECK: %[[GS:.+]] = pock.mul
// CHECK: pock.matmul %{{.+}}, %[[GS]] {transpose_lhs}
// CHECK: pock.exp %[[GS]]
func.func @large_weight(%wt: tensor<8x64xf32>, %s: tensor<8xf32>, %t: tensor<64x8xf32>) -> (tensor<f32>, tensor<64x64xf32>, tensor<8xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %g = pock.exp %t : (tensor<64x8xf32>) -> tensor<64x8xf32>
  %gs = pock.mul %g, %s : (tensor<64x8xf32>, tensor<8xf32>) -> tensor<64x8xf32>
  %dx = pock.matmul %gs, %wt : (tensor<64x8xf32>, tensor<8x64xf32>) -> tensor<64x64xf32>
  %db = pock.sum %g {dims = array<i64: 0>} : (tensor<64x8xf32>) -> tensor<8xf32>
  return %loss, %dx, %db : tensor<f32>, tensor<64x64xf32>, tensor<8xf32>
}
func.func @other_reader(%x: tensor<64x4xf32>, %s: tensor<8xf32>, %t: tensor<64x8xf32>) -> (tensor<f32>, tensor<4x8xf32>, tensor<64x8xf32>, tensor<8xf32>) {
  %loss = pock.sum %t {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %g = pock.exp %t : (tensor<64x8xf32>) -> tensor<64x8xf32>
  %gs = pock.mul %g, %s : (tensor<64x8xf32>, tensor<8xf32>) -> tensor<64x8xf32>
  %dw = pock.matmul %x, %gs {transpose_lhs} : (tensor<64x4xf32>, tensor<64x8xf32>) -> tensor<4x8xf32>
  %e = pock.exp %gs : (tensor<64x8xf32>) -> tensor<64x8xf32>
  %db = pock.sum %g {dims = array<i64: 0>} : (tensor<64x8xf32>) -> tensor<8xf32>
  return %loss, %dw, %e, %db : tensor<f32>, tensor<4x8xf32>, tensor<64x8xf32>, tensor<8xf32>
}
