// RUN: pock-opt %s --pock-derive-scale-gradients --split-input-file | FileCheck %s

// sum(g * (x w - m)) = <w, dw> - m sum(g). The product is not needed, and what
// depends on the sum moves behind the weight's gradient.
pock.param @w {trained} : tensor<4x8xf32>
// CHECK-LABEL: func.func @product(
// CHECK-SAME: %[[T:.+]]: tensor<64x4xf32>, %[[M:.+]]: tensor<1x8xf32>, %[[R:.+]]: tensor<8xf32>
// CHECK: %[[X:.+]] = pock.exp %[[T]]
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[Y:.+]] = pock.matmul %[[X]], %[[W]]
// CHECK: %[[G:.+]] = pock.expand
// CHECK-NOT: pock.mul
// CHECK: %[[DW:.+]] = pock.matmul %[[X]], %[[G]] {transpose_lhs}
// CHECK-NEXT: %[[P:.+]] = pock.mul %[[DW]], %[[W]]
// CHECK-NEXT: %[[INNER:.+]] = pock.sum %[[P]] {dims = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
// CHECK-NEXT: %[[TOTAL:.+]] = pock.sum %[[G]] {dims = array<i64: 0>}
// CHECK-NEXT: %[[MEAN:.+]] = pock.reshape %[[M]]
// CHECK-NEXT: %[[SHIFT:.+]] = pock.mul %[[TOTAL]], %[[MEAN]]
// CHECK-NEXT: %[[DS:.+]] = pock.sub %[[INNER]], %[[SHIFT]]
// CHECK-NEXT: %[[DGAMMA:.+]] = pock.mul %[[DS]], %[[R]]
// CHECK-NEXT: return %{{.+}}, %[[DGAMMA]], %[[DW]]
func.func @product(%t: tensor<64x4xf32>, %m: tensor<1x8xf32>, %r: tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>, tensor<4x8xf32>) {
  %x = pock.exp %t : (tensor<64x4xf32>) -> tensor<64x4xf32>
  %w = pock.load_param @w : tensor<4x8xf32>
  %y = pock.matmul %x, %w : (tensor<64x4xf32>, tensor<4x8xf32>) -> tensor<64x8xf32>
  %z = pock.sub %y, %m : (tensor<64x8xf32>, tensor<1x8xf32>) -> tensor<64x8xf32>
  %loss = pock.sum %z {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %g = pock.expand %r : (tensor<8xf32>) -> tensor<64x8xf32>
  %p = pock.mul %g, %z : (tensor<64x8xf32>, tensor<64x8xf32>) -> tensor<64x8xf32>
  %ds = pock.sum %p {dims = array<i64: 0>} : (tensor<64x8xf32>) -> tensor<8xf32>
  %dgamma = pock.mul %ds, %r : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %dw = pock.matmul %x, %g {transpose_lhs} : (tensor<64x4xf32>, tensor<64x8xf32>) -> tensor<4x8xf32>
  return %loss, %dgamma, %dw : tensor<f32>, tensor<8xf32>, tensor<4x8xf32>
}

// -----

// Depthwise, with a bias, a scale and a batch of one, whose dimension stays.
pock.param @w {trained} : tensor<3x3x1x4xf32>
// CHECK-LABEL: func.func @convolution(
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[DW:.+]] = pock.conv_weight_grad
// CHECK: %[[P:.+]] = pock.mul %[[DW]], %[[W]]
// CHECK: %[[INNER:.+]] = pock.sum %[[P]] {dims = array<i64: 0, 1, 2>}
// CHECK: %[[TOTAL:.+]] = pock.sum %{{.+}} {dims = array<i64: 1, 2>} : (tensor<1x8x8x4xf32>) -> tensor<1x4xf32>
// CHECK: %[[SHIFT:.+]] = pock.mul
// CHECK: %[[SHIFTED:.+]] = pock.add %[[INNER]], %[[SHIFT]]
// CHECK: %[[SCALED:.+]] = pock.mul %[[SHIFTED]], %{{.+}} : (tensor<4xf32>
// CHECK: pock.reshape %[[SCALED]] : (tensor<4xf32>) -> tensor<1x4xf32>
func.func @convolution(%t: tensor<1x8x8x4xf32>, %b: tensor<4xf32>, %s: tensor<1x1x1x4xf32>, %g: tensor<1x8x8x4xf32>) -> (tensor<f32>, tensor<1x4xf32>, tensor<3x3x1x4xf32>) {
  %x = pock.exp %t : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  %w = pock.load_param @w : tensor<3x3x1x4xf32>
  %y = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 4 : i64, layout = #pock.layout<channels_last>}
      : (tensor<1x8x8x4xf32>, tensor<3x3x1x4xf32>) -> tensor<1x8x8x4xf32>
  %c = pock.add %y, %b : (tensor<1x8x8x4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
  %z = pock.mul %c, %s : (tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32>) -> tensor<1x8x8x4xf32>
  %loss = pock.sum %z {dims = array<i64: 0, 1, 2, 3>} : (tensor<1x8x8x4xf32>) -> tensor<f32>
  %p = pock.mul %z, %g : (tensor<1x8x8x4xf32>, tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
  %ds = pock.sum %p {dims = array<i64: 1, 2>} : (tensor<1x8x8x4xf32>) -> tensor<1x4xf32>
  %dw = pock.conv_weight_grad %x, %g {strides = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>, groups = 4 : i64, layout = #pock.layout<channels_last>}
      : (tensor<1x8x8x4xf32>, tensor<1x8x8x4xf32>) -> tensor<3x3x1x4xf32>
  return %loss, %ds, %dw : tensor<f32>, tensor<1x4xf32>, tensor<3x3x1x4xf32>
}

// -----

// Behind an input of the function; without the weight's gradient; with another
// reader of the activation in the backward pass; with a large weight.
pock.param @w {trained} : tensor<4x8xf32>
pock.param @large {trained} : tensor<64x8xf32>
// CHECK-LABEL: func.func @behind_input(
// CHECK: pock.sub
// CHECK: %[[P:.+]] = pock.mul %arg1, %{{.+}} : (tensor<64x8xf32>
// CHECK: pock.sum %[[P]]
func.func @behind_input(%x: tensor<64x4xf32>, %g: tensor<64x8xf32>, %m: tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>, tensor<4x8xf32>) {
  %w = pock.load_param @w : tensor<4x8xf32>
  %y = pock.matmul %x, %w : (tensor<64x4xf32>, tensor<4x8xf32>) -> tensor<64x8xf32>
  %z = pock.sub %y, %m : (tensor<64x8xf32>, tensor<8xf32>) -> tensor<64x8xf32>
  %loss = pock.sum %z {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %p = pock.mul %g, %z : (tensor<64x8xf32>, tensor<64x8xf32>) -> tensor<64x8xf32>
  %ds = pock.sum %p {dims = array<i64: 0>} : (tensor<64x8xf32>) -> tensor<8xf32>
  %dw = pock.matmul %x, %g {transpose_lhs} : (tensor<64x4xf32>, tensor<64x8xf32>) -> tensor<4x8xf32>
  return %loss, %ds, %dw : tensor<f32>, tensor<8xf32>, tensor<4x8xf32>
}
// Nothing has normalised what another product made.
// CHECK-LABEL: func.func @behind_product(
// CHECK: %[[P:.+]] = pock.mul %arg1, %{{.+}} : (tensor<64x8xf32>
// CHECK: pock.sum %[[P]]
func.func @behind_product(%t: tensor<64x4xf32>, %g: tensor<64x8xf32>, %m: tensor<1x8xf32>, %v: tensor<4x4xf32>, %b: tensor<4xf32>) -> (tensor<f32>, tensor<8xf32>, tensor<4x8xf32>) {
  %q = pock.exp %t : (tensor<64x4xf32>) -> tensor<64x4xf32>
  %u = pock.matmul %q, %v : (tensor<64x4xf32>, tensor<4x4xf32>) -> tensor<64x4xf32>
  %x = pock.add %u, %b : (tensor<64x4xf32>, tensor<4xf32>) -> tensor<64x4xf32>
  %w = pock.load_param @w : tensor<4x8xf32>
  %y = pock.matmul %x, %w : (tensor<64x4xf32>, tensor<4x8xf32>) -> tensor<64x8xf32>
  %z = pock.sub %y, %m : (tensor<64x8xf32>, tensor<1x8xf32>) -> tensor<64x8xf32>
  %loss = pock.sum %z {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %p = pock.mul %g, %z : (tensor<64x8xf32>, tensor<64x8xf32>) -> tensor<64x8xf32>
  %ds = pock.sum %p {dims = array<i64: 0>} : (tensor<64x8xf32>) -> tensor<8xf32>
  %dw = pock.matmul %x, %g {transpose_lhs} : (tensor<64x4xf32>, tensor<64x8xf32>) -> tensor<4x8xf32>
  return %loss, %ds, %dw : tensor<f32>, tensor<8xf32>, tensor<4x8xf32>
}

// CHECK-LABEL: func.func @weight_without_gradient(
// CHECK: %[[P:.+]] = pock.mul %arg1, %{{.+}} : (tensor<64x8xf32>
// CHECK: pock.sum %[[P]]
func.func @weight_without_gradient(%t: tensor<64x4xf32>, %g: tensor<64x8xf32>) -> (tensor<f32>, tensor<8xf32>) {
  %x = pock.exp %t : (tensor<64x4xf32>) -> tensor<64x4xf32>
  %w = pock.load_param @w : tensor<4x8xf32>
  %y = pock.matmul %x, %w : (tensor<64x4xf32>, tensor<4x8xf32>) -> tensor<64x8xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %p = pock.mul %g, %y : (tensor<64x8xf32>, tensor<64x8xf32>) -> tensor<64x8xf32>
  %ds = pock.sum %p {dims = array<i64: 0>} : (tensor<64x8xf32>) -> tensor<8xf32>
  return %loss, %ds : tensor<f32>, tensor<8xf32>
}
// CHECK-LABEL: func.func @activation_needed_otherwise(
// CHECK: %[[P:.+]] = pock.mul %arg1, %{{.+}} : (tensor<64x8xf32>
// CHECK: pock.sum %[[P]]
func.func @activation_needed_otherwise(%t: tensor<64x4xf32>, %g: tensor<64x8xf32>) -> (tensor<f32>, tensor<8xf32>, tensor<4x8xf32>, tensor<64x8xf32>) {
  %x = pock.exp %t : (tensor<64x4xf32>) -> tensor<64x4xf32>
  %w = pock.load_param @w : tensor<4x8xf32>
  %y = pock.matmul %x, %w : (tensor<64x4xf32>, tensor<4x8xf32>) -> tensor<64x8xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<64x8xf32>) -> tensor<f32>
  %p = pock.mul %g, %y : (tensor<64x8xf32>, tensor<64x8xf32>) -> tensor<64x8xf32>
  %ds = pock.sum %p {dims = array<i64: 0>} : (tensor<64x8xf32>) -> tensor<8xf32>
  %dw = pock.matmul %x, %g {transpose_lhs} : (tensor<64x4xf32>, tensor<64x8xf32>) -> tensor<4x8xf32>
  %other = pock.exp %y : (tensor<64x8xf32>) -> tensor<64x8xf32>
  return %loss, %ds, %dw, %other : tensor<f32>, tensor<8xf32>, tensor<4x8xf32>, tensor<64x8xf32>
}
// CHECK-LABEL: func.func @large_weight(
// CHECK: %[[P:.+]] = pock.mul %arg1, %{{.+}} : (tensor<16x8xf32>
// CHECK: pock.sum %[[P]]
func.func @large_weight(%t: tensor<16x64xf32>, %g: tensor<16x8xf32>) -> (tensor<f32>, tensor<8xf32>, tensor<64x8xf32>) {
  %x = pock.exp %t : (tensor<16x64xf32>) -> tensor<16x64xf32>
  %w = pock.load_param @large : tensor<64x8xf32>
  %y = pock.matmul %x, %w : (tensor<16x64xf32>, tensor<64x8xf32>) -> tensor<16x8xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<16x8xf32>) -> tensor<f32>
  %p = pock.mul %g, %y : (tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<16x8xf32>
  %ds = pock.sum %p {dims = array<i64: 0>} : (tensor<16x8xf32>) -> tensor<8xf32>
  %dw = pock.matmul %x, %g {transpose_lhs} : (tensor<16x64xf32>, tensor<16x8xf32>) -> tensor<64x8xf32>
  return %loss, %ds, %dw : tensor<f32>, tensor<8xf32>, tensor<64x8xf32>
}
