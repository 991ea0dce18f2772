// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// The right operand is transposed first, so that the columns of the product
// are contiguous; the left one is read as it is.
// CHECK-DAG: #[[$LHS:.+]] = affine_map<(d0, d1, d2) -> (d2, d0)>
// CHECK-DAG: #[[$RHS:.+]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[$RESULT:.+]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: func @matmul_transposed
// CHECK-SAME: %[[A:.+]]: tensor<8x32xf32>, %[[B:.+]]: tensor<4x8xf32>, %[[OUT:.+]]: tensor<32x4xf32>
// CHECK: %[[BT:.+]] = linalg.transpose ins(%[[B]] : tensor<4x8xf32>) outs(%{{.+}} : tensor<8x4xf32>) permutation = [1, 0]
// CHECK: %[[INIT:.+]] = linalg.fill {{.*}} outs(%[[OUT]] : tensor<32x4xf32>)
// CHECK: linalg.generic {indexing_maps = [#[[$LHS]], #[[$RHS]], #[[$RESULT]]], iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK-SAME: ins(%[[A]], %[[BT]] : tensor<8x32xf32>, tensor<8x4xf32>) outs(%[[INIT]] : tensor<32x4xf32>)
func.func @matmul_transposed(%a: tensor<8x32xf32>, %b: tensor<4x8xf32>, %out: tensor<32x4xf32>)
    -> tensor<32x4xf32> attributes {pock.kernel} {
  %y = pock.matmul %a, %b {transpose_lhs, transpose_rhs} : (tensor<8x32xf32>, tensor<4x8xf32>) -> tensor<32x4xf32>
  return %y : tensor<32x4xf32>
}

// -----

// Few rows: one pass over the right operand as it is.

// CHECK-DAG: #[[$LHS:.+]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[$RHS:.+]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func @matmul_few_rows
// CHECK-NOT: linalg.transpose
// CHECK: linalg.generic {indexing_maps = [#[[$LHS]], #[[$RHS]],
func.func @matmul_few_rows(%a: tensor<2x8xf32>, %b: tensor<4x8xf32>, %out: tensor<2x4xf32>)
    -> tensor<2x4xf32> attributes {pock.kernel} {
  %y = pock.matmul %a, %b {transpose_rhs} : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// CHECK-DAG: #[[$INPUT:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1 * 2 + d4, d2 * 2 + d5, d6)>
// CHECK-DAG: #[[$FILTER:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d5, d6, d3)>
// CHECK-DAG: #[[$RESULT:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>
// CHECK-LABEL: func @conv
// CHECK-SAME: %[[X:.+]]: tensor<1x8x8x3xf32>
// The last row and column of the padding are never read; the others are all
// that is filled.
// CHECK: %[[ROW:.+]] = linalg.fill {{.*}} -> tensor<1x1x9x3xf32>
// CHECK: %[[TOP:.+]] = tensor.insert_slice %[[ROW]] into %{{.+}}[0, 0, 0, 0] [1, 1, 9, 3] [1, 1, 1, 1]
// CHECK: %[[COLUMN:.+]] = linalg.fill {{.*}} -> tensor<1x8x1x3xf32>
// CHECK: %[[BORDER:.+]] = tensor.insert_slice %[[COLUMN]] into %[[TOP]][0, 1, 0, 0] [1, 8, 1, 3] [1, 1, 1, 1]
// CHECK: %[[PADDED:.+]] = tensor.insert_slice %[[X]] into %[[BORDER]][0, 1, 1, 0] [1, 8, 8, 3] [1, 1, 1, 1]
// CHECK: linalg.generic {indexing_maps = [#[[$INPUT]], #[[$FILTER]], #[[$RESULT]]]
// CHECK-SAME: ins(%[[PADDED]]
func.func @conv(%x: tensor<1x8x8x3xf32>, %w: tensor<3x3x3x4xf32>, %out: tensor<1x4x4x4xf32>)
    -> tensor<1x4x4x4xf32> attributes {pock.kernel} {
  %y = pock.conv %x, %w {strides = array<i64: 2, 2>, pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x8x8x3xf32>, tensor<3x3x3x4xf32>) -> tensor<1x4x4x4xf32>
  return %y : tensor<1x4x4x4xf32>
}

// -----

// A 1x1 convolution is a product of matrices, and what follows it runs over the
// same rows.
// CHECK-LABEL: func @pointwise
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: tensor<2x4x4x5xf32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: %[[RELU:.+]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// CHECK: %[[PLACED:.+]] = bufferization.materialize_in_destination %[[RELU]]
// CHECK: tensor.expand_shape %[[PLACED]]
// CHECK-SAME: tensor<32x5xf32> into tensor<2x4x4x5xf32>
// CHECK-NEXT: return
func.func @pointwise(%x: tensor<2x4x4x3xf32>, %w: tensor<1x1x3x5xf32>, %out: tensor<2x4x4x5xf32>)
    -> tensor<2x4x4x5xf32> attributes {pock.kernel} {
  %y = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x4x4x3xf32>, tensor<1x1x3x5xf32>) -> tensor<2x4x4x5xf32>
  %z = pock.relu %y : (tensor<2x4x4x5xf32>) -> tensor<2x4x4x5xf32>
  return %z : tensor<2x4x4x5xf32>
}

// -----

// CHECK-DAG: #[[$INPUT:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1 + d3 * 2, d2)>
// CHECK-DAG: #[[$FILTER:.+]] = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
// CHECK-LABEL: func @depthwise
// CHECK: tensor.collapse_shape %{{.+}} {{\[}}[0], [1, 2]] : tensor<3x1x6xf32> into tensor<3x6xf32>
// CHECK: linalg.generic {indexing_maps = [#[[$INPUT]], #[[$FILTER]], #{{.+}}], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
func.func @depthwise(%x: tensor<1x8x6xf32>, %w: tensor<3x1x6xf32>, %out: tensor<1x4x6xf32>)
    -> tensor<1x4x6xf32> attributes {pock.kernel} {
  %y = pock.conv %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 2>, groups = 6 : i64, layout = #pock.layout<channels_last>}
      : (tensor<1x8x6xf32>, tensor<3x1x6xf32>) -> tensor<1x4x6xf32>
  return %y : tensor<1x4x6xf32>
}

// -----

// Stride 2: even coordinates are reached by tap 1 only, odd ones by taps 2 and 0.
// CHECK-DAG: #[[$TAP1:.+]] = affine_map<(d0, d1, d2) -> (1, d2, d1)>
// CHECK-DAG: #[[$TAPS20:.+]] = affine_map<(d0, d1, d2) -> (d0 * -2 + 2, d2, d1)>
// CHECK-LABEL: func @conv_transpose_strided
// CHECK-SAME: %[[G:.+]]: tensor<1x4x5xf32>, %[[W:.+]]: tensor<3x2x5xf32>, %[[OUT:.+]]: tensor<1x8x2xf32>
// CHECK: %[[PADDED:.+]] = tensor.insert_slice %[[G]] into %{{.+}}[0, 0, 0] [1, 4, 5] [1, 1, 1] : tensor<1x4x5xf32> into tensor<1x5x5xf32>
// CHECK: %[[W1:.+]] = linalg.generic {indexing_maps = [#[[$TAP1]], {{.*}} ins(%[[W]]
// CHECK: %[[EVEN:.+]] = linalg.generic {{.*}} ins(%[[G]], %[[W1]] : tensor<1x4x5xf32>, tensor<1x5x2xf32>)
// CHECK: %[[W20:.+]] = linalg.generic {indexing_maps = [#[[$TAPS20]], {{.*}} ins(%[[W]]
// CHECK: %[[ODD:.+]] = linalg.generic {{.*}} ins(%[[PADDED]], %[[W20]] : tensor<1x5x5xf32>, tensor<2x5x2xf32>)
// CHECK: %[[HALF:.+]] = tensor.insert_slice %[[EVEN]] into %[[OUT]][0, 0, 0] [1, 4, 2] [1, 2, 1]
// CHECK: tensor.insert_slice %[[ODD]] into %[[HALF]][0, 1, 0] [1, 4, 2] [1, 2, 1]
func.func @conv_transpose_strided(%g: tensor<1x4x5xf32>, %w: tensor<3x2x5xf32>, %out: tensor<1x8x2xf32>)
    -> tensor<1x8x2xf32> attributes {pock.kernel} {
  %y = pock.conv_transpose %g, %w {strides = array<i64: 2>, pad_low = array<i64: 1>, pad_high = array<i64: 1>,
      dilations = array<i64: 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x4x5xf32>, tensor<3x2x5xf32>) -> tensor<1x8x2xf32>
  return %y : tensor<1x8x2xf32>
}

// -----

// The stride exceeds the kernel: coordinates that no output reads are zero.
// CHECK-LABEL: func @conv_transpose_gaps
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: tensor<1x7x2xf32>)
// CHECK: %[[ZEROS:.+]] = linalg.fill {{.*}} outs(%[[OUT]] : tensor<1x7x2xf32>)
// CHECK: tensor.insert_slice %{{.+}} into %[[ZEROS]][0, 0, 0] [1, 3, 2] [1, 3, 1]
// CHECK-NOT: tensor.insert_slice
// CHECK: return
func.func @conv_transpose_gaps(%g: tensor<1x3x5xf32>, %w: tensor<1x2x5xf32>, %out: tensor<1x7x2xf32>)
    -> tensor<1x7x2xf32> attributes {pock.kernel} {
  %y = pock.conv_transpose %g, %w {strides = array<i64: 3>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x3x5xf32>, tensor<1x2x5xf32>) -> tensor<1x7x2xf32>
  return %y : tensor<1x7x2xf32>
}

// -----

// CHECK-DAG: #[[$INPUT:.+]] = affine_map<(d0, d1, d2, d3, d4) -> (d3, d0 + d4, d1)>
// CHECK-DAG: #[[$GRADIENT:.+]] = affine_map<(d0, d1, d2, d3, d4) -> (d3, d4, d2)>
// CHECK-DAG: #[[$FILTER:.+]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>
// CHECK-LABEL: func @conv_weight_grad
// CHECK: linalg.generic {indexing_maps = [#[[$INPUT]], #[[$GRADIENT]], #[[$FILTER]]]
// CHECK-SAME: ["parallel", "parallel", "parallel", "reduction", "reduction"]
func.func @conv_weight_grad(%x: tensor<2x8x3xf32>, %g: tensor<2x6x4xf32>, %out: tensor<3x3x4xf32>)
    -> tensor<3x3x4xf32> attributes {pock.kernel} {
  %y = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x8x3xf32>, tensor<2x6x4xf32>) -> tensor<3x3x4xf32>
  return %y : tensor<3x3x4xf32>
}

// -----

// Groups become a dimension of their own.
// CHECK-DAG: #[[$INPUT:.+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d4, d3 + d5)>
// CHECK-DAG: #[[$FILTER:.+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d2, d4, d5)>
// CHECK-LABEL: func @conv_grouped_channels_first
// CHECK: tensor.expand_shape %{{.+}} {{\[}}[0], [1, 2], [3]] output_shape [1, 2, 3, 8]
// CHECK: linalg.generic {indexing_maps = [#[[$INPUT]], #[[$FILTER]], #{{.+}}]
func.func @conv_grouped_channels_first(%x: tensor<1x6x8xf32>, %w: tensor<4x3x2xf32>, %out: tensor<1x4x7xf32>)
    -> tensor<1x4x7xf32> attributes {pock.kernel} {
  %y = pock.conv %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, groups = 2 : i64}
      : (tensor<1x6x8xf32>, tensor<4x3x2xf32>) -> tensor<1x4x7xf32>
  return %y : tensor<1x4x7xf32>
}

// -----

// Windows that tile the result: one loop nest, no residue classes.
// CHECK-LABEL: func @conv_transpose_tiles
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]
// CHECK-NOT: tensor.insert_slice
// CHECK: tensor.collapse_shape %{{.+}} {{\[}}[0], [1, 2], [3]] : tensor<1x4x8x2xf32> into tensor<1x32x2xf32>
func.func @conv_transpose_tiles(%x: tensor<1x4x3xf32>, %w: tensor<8x2x3xf32>, %out: tensor<1x32x2xf32>) -> tensor<1x32x2xf32> attributes {pock.kernel} {
  %y = pock.conv_transpose %x, %w {strides = array<i64: 8>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, layout = #pock.layout<channels_last>} : (tensor<1x4x3xf32>, tensor<8x2x3xf32>) -> tensor<1x32x2xf32>
  return %y : tensor<1x32x2xf32>
}

// -----

// More residue classes than code is made for: zeros between the entries.
// CHECK-LABEL: func @conv_transpose_large_stride
// CHECK: tensor.insert_slice %{{.+}} into %{{.+}}[0, {{[0-9]+}}, 0] [1, 4, 3] [1, 40, 1]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]
// CHECK-NOT: tensor.insert_slice
func.func @conv_transpose_large_stride(%x: tensor<1x4x3xf32>, %w: tensor<41x2x3xf32>, %out: tensor<1x161x2xf32>) -> tensor<1x161x2xf32> attributes {pock.kernel} {
  %y = pock.conv_transpose %x, %w {strides = array<i64: 40>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>, layout = #pock.layout<channels_last>} : (tensor<1x4x3xf32>, tensor<41x2x3xf32>) -> tensor<1x161x2xf32>
  return %y : tensor<1x161x2xf32>
}

// -----

// Ops behind a product run over its loops, a mask of bits as well. Ops behind
// another op keep the shape that they have: bits do not impose theirs.

// CHECK-LABEL: func @masks
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} {{.*}} : tensor<32x3xi1>, tensor<32x3xf32>)
// CHECK: arith.select
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel"]} {{.*}} : tensor<2x4x4x3xi1>, tensor<2x4x4x3xf32>)
// CHECK: arith.select
func.func @masks(%x: tensor<2x4x4x5xf32>, %v: tensor<1x1x5x3xf32>, %y: tensor<2x4x4x3xf32>, %w: tensor<3x3x1x3xf32>, %bits: tensor<4x3xi8>, %a: tensor<2x4x4x3xf32> {bufferization.writable = true}, %b: tensor<2x4x4x3xf32> {bufferization.writable = true}) -> (tensor<2x4x4x3xf32>, tensor<2x4x4x3xf32>) attributes {pock.kernel} {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %0 = pock.unpack_bits %bits : (tensor<4x3xi8>) -> tensor<8x4x3xi1>
  %1 = pock.reshape %0 : (tensor<8x4x3xi1>) -> tensor<2x4x4x3xi1>
  %2 = pock.conv %x, %v {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<2x4x4x5xf32>, tensor<1x1x5x3xf32>) -> tensor<2x4x4x3xf32>
  %3 = pock.select %1, %2, %zero : (tensor<2x4x4x3xi1>, tensor<2x4x4x3xf32>, tensor<f32>) -> tensor<2x4x4x3xf32>
  %4 = pock.unpack_bits %bits : (tensor<4x3xi8>) -> tensor<8x4x3xi1>
  %5 = pock.reshape %4 : (tensor<8x4x3xi1>) -> tensor<2x4x4x3xi1>
  %6 = pock.conv %y, %w {dilations = array<i64: 1, 1>, groups = 3 : i64, layout = #pock.layout<channels_last>, pad_high = array<i64: 1, 1>, pad_low = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<2x4x4x3xf32>, tensor<3x3x1x3xf32>) -> tensor<2x4x4x3xf32>
  %7 = pock.select %5, %6, %zero : (tensor<2x4x4x3xi1>, tensor<2x4x4x3xf32>, tensor<f32>) -> tensor<2x4x4x3xf32>
  return %3, %7 : tensor<2x4x4x3xf32>, tensor<2x4x4x3xf32>
}

// -----

// Without channels, every sum is zero.

// CHECK-LABEL: func @conv_transpose_of_nothing
// CHECK-NOT: iterator_types
// CHECK: linalg.fill
func.func @conv_transpose_of_nothing(%g: tensor<1x3x0xf32>, %w: tensor<1x2x0xf32>, %out: tensor<1x7x2xf32> {bufferization.writable = true}) -> tensor<1x7x2xf32> attributes {pock.kernel} {
  %y = pock.conv_transpose %g, %w {strides = array<i64: 3>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>, layout = #pock.layout<channels_last>} : (tensor<1x3x0xf32>, tensor<1x2x0xf32>) -> tensor<1x7x2xf32>
  return %y : tensor<1x7x2xf32>
}
