// RUN: pock-opt %s --canonicalize --split-input-file | FileCheck %s

// A gradient of which a slice is wanted becomes the gradient of slices.

// Rows of the product are columns of the transposed left operand.
// CHECK-LABEL: func.func @rows_of_matmul(
// CHECK: %[[X:.+]] = pock.slice %{{.+}} {limits = array<i64: 8, 3>, starts = array<i64: 0, 1>, strides = array<i64: 1, 1>} : (tensor<8x4xf32>) -> tensor<8x2xf32>
// CHECK: pock.matmul %[[X]], %{{.+}} {transpose_lhs} : (tensor<8x2xf32>, tensor<8x5xf32>) -> tensor<2x5xf32>
func.func @rows_of_matmul(%x: tensor<8x4xf32>, %g: tensor<8x5xf32>) -> tensor<2x5xf32> {
  %0 = pock.matmul %x, %g {transpose_lhs} : (tensor<8x4xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  %1 = pock.slice %0 {starts = array<i64: 1, 0>, limits = array<i64: 3, 5>, strides = array<i64: 1, 1>} : (tensor<4x5xf32>) -> tensor<2x5xf32>
  return %1 : tensor<2x5xf32>
}

// CHECK-LABEL: func.func @columns_of_matmul(
// CHECK: %[[W:.+]] = pock.slice %arg1 {limits = array<i64: 8, 2>,
// CHECK: pock.matmul %arg0, %[[W]] : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
func.func @columns_of_matmul(%x: tensor<4x8xf32>, %w: tensor<8x5xf32>) -> tensor<4x2xf32> {
  %0 = pock.matmul %x, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  %1 = pock.slice %0 {starts = array<i64: 0, 0>, limits = array<i64: 4, 2>, strides = array<i64: 1, 1>} : (tensor<4x5xf32>) -> tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// CHECK-LABEL: func.func @product_with_another_reader(
// CHECK: pock.matmul
// CHECK: pock.slice
func.func @product_with_another_reader(%x: tensor<4x8xf32>, %w: tensor<8x5xf32>) -> (tensor<4x5xf32>, tensor<4x2xf32>) {
  %0 = pock.matmul %x, %w : (tensor<4x8xf32>, tensor<8x5xf32>) -> tensor<4x5xf32>
  %1 = pock.slice %0 {starts = array<i64: 0, 0>, limits = array<i64: 4, 2>, strides = array<i64: 1, 1>} : (tensor<4x5xf32>) -> tensor<4x2xf32>
  return %0, %1 : tensor<4x5xf32>, tensor<4x2xf32>
}

// CHECK-LABEL: func.func @slice_of_batch_stays(
// CHECK: pock.matmul
// CHECK: pock.slice
func.func @slice_of_batch_stays(%x: tensor<3x4x8xf32>, %w: tensor<3x8x5xf32>) -> tensor<1x4x5xf32> {
  %0 = pock.matmul %x, %w : (tensor<3x4x8xf32>, tensor<3x8x5xf32>) -> tensor<3x4x5xf32>
  %1 = pock.slice %0 {starts = array<i64: 0, 0, 0>, limits = array<i64: 1, 4, 5>, strides = array<i64: 1, 1, 1>} : (tensor<3x4x5xf32>) -> tensor<1x4x5xf32>
  return %1 : tensor<1x4x5xf32>
}

// CHECK-LABEL: func.func @input_channels_of_weight_gradient(
// CHECK: %[[X:.+]] = pock.slice %arg0 {{.*}} : (tensor<2x4x5xf32>) -> tensor<2x1x5xf32>
// CHECK: pock.conv_weight_grad %[[X]], %arg1 {{.*}} -> tensor<3x1x3xf32>
func.func @input_channels_of_weight_gradient(%x: tensor<2x4x5xf32>, %g: tensor<2x3x3xf32>) -> tensor<3x1x3xf32> {
  %0 = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<2x4x5xf32>, tensor<2x3x3xf32>) -> tensor<3x4x3xf32>
  %1 = pock.slice %0 {starts = array<i64: 0, 0, 0>, limits = array<i64: 3, 1, 3>, strides = array<i64: 1, 1, 1>} : (tensor<3x4x3xf32>) -> tensor<3x1x3xf32>
  return %1 : tensor<3x1x3xf32>
}

// Filters 2 and 3 are the second group, which reads channels 2 and 3.
// CHECK-LABEL: func.func @whole_groups_of_weight_gradient(
// CHECK-DAG: %[[X:.+]] = pock.slice %arg0 {limits = array<i64: 2, 4, 5>, starts = array<i64: 0, 2, 0>,
// CHECK-DAG: %[[G:.+]] = pock.slice %arg1 {limits = array<i64: 2, 4, 3>, starts = array<i64: 0, 2, 0>,
// CHECK: pock.conv_weight_grad %[[X]], %[[G]]
// CHECK-NOT: groups
// CHECK-SAME: -> tensor<2x2x3xf32>
func.func @whole_groups_of_weight_gradient(%x: tensor<2x4x5xf32>, %g: tensor<2x4x3xf32>) -> tensor<2x2x3xf32> {
  %0 = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>, groups = 2 : i64}
      : (tensor<2x4x5xf32>, tensor<2x4x3xf32>) -> tensor<4x2x3xf32>
  %1 = pock.slice %0 {starts = array<i64: 2, 0, 0>, limits = array<i64: 4, 2, 3>, strides = array<i64: 1, 1, 1>} : (tensor<4x2x3xf32>) -> tensor<2x2x3xf32>
  return %1 : tensor<2x2x3xf32>
}

// CHECK-LABEL: func.func @split_group_stays(
// CHECK: pock.conv_weight_grad
// CHECK: pock.slice
func.func @split_group_stays(%x: tensor<2x4x5xf32>, %g: tensor<2x4x3xf32>) -> tensor<1x2x3xf32> {
  %0 = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>, groups = 2 : i64}
      : (tensor<2x4x5xf32>, tensor<2x4x3xf32>) -> tensor<4x2x3xf32>
  %1 = pock.slice %0 {starts = array<i64: 0, 0, 0>, limits = array<i64: 1, 2, 3>, strides = array<i64: 1, 1, 1>} : (tensor<4x2x3xf32>) -> tensor<1x2x3xf32>
  return %1 : tensor<1x2x3xf32>
}

// CHECK-LABEL: func.func @slice_of_transpose(
// CHECK: %[[S:.+]] = pock.slice %arg0 {limits = array<i64: 2, 3>, starts = array<i64: 0, 1>, strides = array<i64: 1, 1>}
// CHECK: pock.transpose %[[S]] {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
func.func @slice_of_transpose(%x: tensor<2x4xf32>) -> tensor<2x2xf32> {
  %0 = pock.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %1 = pock.slice %0 {starts = array<i64: 1, 0>, limits = array<i64: 3, 2>, strides = array<i64: 1, 1>} : (tensor<4x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// An operand that is broadcast along the sliced dimension stays whole.
// CHECK-LABEL: func.func @slice_of_elementwise(
// CHECK: %[[A:.+]] = pock.slice %arg0
// CHECK: pock.add %[[A]], %arg1 : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
func.func @slice_of_elementwise(%a: tensor<2x4xf32>, %b: tensor<4xf32>) -> tensor<1x4xf32> {
  %0 = pock.add %a, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = pock.slice %0 {starts = array<i64: 0, 0>, limits = array<i64: 1, 4>, strides = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}

// CHECK-LABEL: func.func @strided_slice_stays(
// CHECK: pock.add
// CHECK: pock.slice
func.func @strided_slice_stays(%a: tensor<4xf32>) -> tensor<2xf32> {
  %0 = pock.add %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.slice %0 {starts = array<i64: 0>, limits = array<i64: 4>, strides = array<i64: 2>} : (tensor<4xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: func.func @empty_slice_of_grouped_weight_gradient(
// CHECK: return
func.func @empty_slice_of_grouped_weight_gradient(%x: tensor<2x4x5xf32>, %g: tensor<2x4x3xf32>) -> tensor<0x2x3xf32> {
  %0 = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>, groups = 2 : i64}
      : (tensor<2x4x5xf32>, tensor<2x4x3xf32>) -> tensor<4x2x3xf32>
  %1 = pock.slice %0 {starts = array<i64: 0, 0, 0>, limits = array<i64: 0, 2, 3>, strides = array<i64: 1, 1, 1>} : (tensor<4x2x3xf32>) -> tensor<0x2x3xf32>
  return %1 : tensor<0x2x3xf32>
}

// The numbers of the entries that are kept would be others.
// CHECK-LABEL: func.func @slice_of_dropout_stays(
// CHECK: %[[DROPPED:.+]] = pock.dropout %arg0
// CHECK: pock.slice %[[DROPPED]]
func.func @slice_of_dropout_stays(%x: tensor<2x4xf32>, %seed: tensor<i64>) -> tensor<1x4xf32> {
  %0 = pock.dropout %x, %seed, %seed {p = 0.5 : f64, stream = 0 : i64, strides = array<i64: 4, 1>} : (tensor<2x4xf32>, tensor<i64>, tensor<i64>) -> tensor<2x4xf32>
  %1 = pock.slice %0 {starts = array<i64: 1, 0>, limits = array<i64: 2, 4>, strides = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}
