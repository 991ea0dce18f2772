// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// A convolution by tiles: the filter is transformed once, the 4x4 tiles of the
// padded input become 16 matrices, which are multiplied and become tiles of
// 2x2, in place. This image is one block.
// CHECK-DAG: #[[$TAP:.+]] = affine_map<(d0, d1) -> (2, 1, d0, d1)>
// CHECK-DAG: #[[$ENTRY:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1 * 2 + 3, d2 * 2 + 1, d3)>
// CHECK-DAG: #[[$TILES:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3, d4, d6)>
// CHECK-DAG: #[[$FILTER:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d6, d5)>
// CHECK-DAG: #[[$SUMS:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3, d4, d5)>
// CHECK-DAG: #[[$PRODUCT:.+]] = affine_map<(d0, d1, d2, d3) -> (3, 1, d0, d1, d2, d3)>
// CHECK-LABEL: func.func @conv(
// CHECK-SAME: %[[X:.+]]: tensor<1x6x8x16xf32>, %[[W:.+]]: tensor<3x3x16x32xf32>, %[[OUT:.+]]: tensor<1x6x8x32xf32>)
// CHECK: %[[PLACES:.+]] = tensor.expand_shape %[[OUT]] {{.*}} into tensor<1x3x2x4x2x32xf32>
// CHECK: %[[G:.+]]:16 = linalg.generic {{.*}}#[[$TAP]]{{.*}} ins(%[[W]], %[[W]]
// CHECK: %[[FILTERS:.+]] = tensor.insert_slice %[[G]]#15 into %{{.+}}[3, 3, 0, 0] [1, 1, 16, 32]
// CHECK: %[[P:.+]] = tensor.insert_slice %[[X]] into %{{.+}}[0, 1, 1, 0] [1, 6, 8, 16] [1, 1, 1, 1] : tensor<1x6x8x16xf32> into tensor<1x8x10x16xf32>
// CHECK: %[[V:.+]]:16 = linalg.generic {{.*}}#[[$ENTRY]]{{.*}} ins(%[[P]], %[[P]]
// CHECK: %[[TILES:.+]] = tensor.insert_slice %[[V]]#15 into
// CHECK: linalg.generic {indexing_maps = [#[[$TILES]], #[[$FILTER]], #[[$SUMS]]]
// CHECK-SAME: ins(%[[TILES]], %[[FILTERS]] : tensor<4x4x1x3x4x16xf32>, tensor<4x4x16x32xf32>)
// CHECK: tensor.extract_slice %[[PLACES]][0, 0, 1, 0, 0, 0] [1, 3, 1, 4, 1, 32]
// CHECK: linalg.generic {{.*}}#[[$PRODUCT]]
func.func @conv(%x: tensor<1x6x8x16xf32>, %w: tensor<3x3x16x32xf32>, %out: tensor<1x6x8x32xf32>)
    -> tensor<1x6x8x32xf32> attributes {pock.kernel} {
  %y = pock.conv %x, %w {algorithm = #pock.algorithm<winograd>, strides = array<i64: 1, 1>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      layout = #pock.layout<channels_last>}
      : (tensor<1x6x8x16xf32>, tensor<3x3x16x32xf32>) -> tensor<1x6x8x32xf32>
  return %y : tensor<1x6x8x32xf32>
}

// -----

// The input gradient: reversed taps, channels exchanged, and as much padding as
// the forward convolution has not.
// CHECK-DAG: #[[$REVERSED:.+]] = affine_map<(d0, d1, d2, d3) -> (-d0 + 2, -d1 + 2, d3, d2)>
// CHECK-LABEL: func.func @input_gradient(
// CHECK-SAME: %[[G:.+]]: tensor<1x4x4x32xf32>, %[[W:.+]]: tensor<3x3x16x32xf32>
// CHECK: linalg.generic {indexing_maps = [#[[$REVERSED]], {{.*}} ins(%[[W]] : tensor<3x3x16x32xf32>) outs(%{{.+}} : tensor<3x3x32x16xf32>)
// CHECK: tensor.insert_slice %[[G]] into %{{.+}}[0, 2, 2, 0] [1, 4, 4, 32] [1, 1, 1, 1] : tensor<1x4x4x32xf32> into tensor<1x8x8x32xf32>
func.func @input_gradient(%a: tensor<1x4x4x32xf32>, %b: tensor<3x3x16x32xf32>, %out: tensor<1x6x6x16xf32>)
    -> tensor<1x6x6x16xf32> attributes {pock.kernel} {
  %y = pock.conv_transpose %a, %b {algorithm = #pock.algorithm<winograd>, strides = array<i64: 1, 1>,
      pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>,
      layout = #pock.layout<channels_last>}
      : (tensor<1x4x4x32xf32>, tensor<3x3x16x32xf32>) -> tensor<1x6x6x16xf32>
  return %y : tensor<1x6x6x16xf32>
}

// -----

// The weight gradient: tiles of 2x2 gradients, which are padded with zeros where
// there are no outputs, times tiles of 4x4 inputs, summed over tiles.
// CHECK-LABEL: func.func @weight_gradient(
// CHECK-SAME: %[[X:.+]]: tensor<1x5x5x16xf32>, %[[G:.+]]: tensor<1x5x5x32xf32>, %[[OUT:.+]]: tensor<3x3x16x32xf32>
// CHECK: tensor.insert_slice %[[X]] into %{{.+}} : tensor<1x5x5x16xf32> into tensor<1x8x8x16xf32>
// CHECK: tensor.insert_slice %[[G]] into %{{.+}}[0, 0, 0, 0] [1, 5, 5, 32] [1, 1, 1, 1] : tensor<1x5x5x32xf32> into tensor<1x6x6x32xf32>
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
// CHECK-SAME: tensor<4x4x1x3x3x16xf32>, tensor<4x4x1x3x3x32xf32>) outs({{.*}} : tensor<4x4x16x32xf32>)
// CHECK: tensor.extract_slice %[[OUT]][2, 2, 0, 0] [1, 1, 16, 32]
// CHECK: %[[DW:.+]]:9 = linalg.generic
func.func @weight_gradient(%a: tensor<1x5x5x16xf32>, %b: tensor<1x5x5x32xf32>, %out: tensor<3x3x16x32xf32>)
    -> tensor<3x3x16x32xf32> attributes {pock.kernel} {
  %y = pock.conv_weight_grad %a, %b {algorithm = #pock.algorithm<winograd>, strides = array<i64: 1, 1>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      layout = #pock.layout<channels_last>}
      : (tensor<1x5x5x16xf32>, tensor<1x5x5x32xf32>) -> tensor<3x3x16x32xf32>
  return %y : tensor<3x3x16x32xf32>
}

// -----

// Of a large image, two rows of tiles are a block.
// CHECK-LABEL: func.func @blocks_of_rows(
// CHECK: scf.for
// CHECK: tensor.insert_slice {{.*}} into tensor<1x58x58x64xf32>
// CHECK: scf.for %{{.+}} = %{{.+}} to %[[COUNT:.+]] step
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<4x4x1x2x28x64xf32>)
// CHECK: scf.yield
// CHECK: scf.yield
module attributes {pock.target = #pock.target<l2_bytes = 1048576>} {
func.func @blocks_of_rows(%a: tensor<2x56x56x64xf32>, %b: tensor<3x3x64x64xf32>, %out: tensor<2x56x56x64xf32>)
    -> tensor<2x56x56x64xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {algorithm = #pock.algorithm<winograd>, strides = array<i64: 1, 1>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      layout = #pock.layout<channels_last>}
      : (tensor<2x56x56x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x56x56x64xf32>
  return %y : tensor<2x56x56x64xf32>
}
}

// -----

// Of a large filter, parts are transformed and used at a time.
// CHECK-LABEL: func.func @parts_of_filter(
// CHECK: scf.for
// CHECK: scf.for
// CHECK: tensor.extract_slice %{{.+}}[0, 0, %{{.+}}, %{{.+}}] [3, 3, 128, 64] [1, 1, 1, 1] : tensor<3x3x512x512xf32>
// CHECK: linalg.generic {{.*}} tensor<4x4x128x64xf32>) outs({{.*}} : tensor<4x4x2x2x2x64xf32>)
module attributes {pock.target = #pock.target<l2_bytes = 1048576>} {
func.func @parts_of_filter(%a: tensor<2x4x4x512xf32>, %b: tensor<3x3x512x512xf32>, %out: tensor<2x4x4x512xf32>)
    -> tensor<2x4x4x512xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {algorithm = #pock.algorithm<winograd>, strides = array<i64: 1, 1>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      layout = #pock.layout<channels_last>}
      : (tensor<2x4x4x512xf32>, tensor<3x3x512x512xf32>) -> tensor<2x4x4x512xf32>
  return %y : tensor<2x4x4x512xf32>
}
}

// -----

// What the algorithm cannot do is done directly.
// CHECK-LABEL: func.func @strided(
// CHECK: linalg.generic {{.*}} "reduction", "reduction", "reduction"]}
// CHECK-NOT: linalg.generic
func.func @strided(%a: tensor<1x8x8x16xf32>, %b: tensor<3x3x16x16xf32>, %out: tensor<1x4x4x16xf32>)
    -> tensor<1x4x4x16xf32> attributes {pock.kernel} {
  %y = pock.conv %a, %b {algorithm = #pock.algorithm<winograd>, strides = array<i64: 2, 2>,
      pad_low = array<i64: 1, 1>, pad_high = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
      layout = #pock.layout<channels_last>}
      : (tensor<1x8x8x16xf32>, tensor<3x3x16x16xf32>) -> tensor<1x4x4x16xf32>
  return %y : tensor<1x4x4x16xf32>
}
