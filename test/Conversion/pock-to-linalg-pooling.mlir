// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// CHECK-DAG: #[[$INPUT:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1 * 2 + d3, d2)>
// CHECK-DAG: #[[$TAPS:.+]] = affine_map<(d0, d1, d2, d3) -> (d3)>
// CHECK-LABEL: func @max_pool
// CHECK: arith.constant 0xFF800000 : f32
// CHECK: %[[WINDOW:.+]] = tensor.empty() : tensor<3xi8>
// CHECK: linalg.generic {indexing_maps = [#[[$INPUT]], #[[$TAPS]], #{{.+}}], {{.*}} ins(%{{.+}}, %[[WINDOW]] :
// CHECK: arith.maximumf
func.func @max_pool(%x: tensor<1x8x2xf32>, %out: tensor<1x4x2xf32>) -> tensor<1x4x2xf32> attributes {pock.kernel} {
  %y = pock.max_pool %x {kernel = array<i64: 3>, strides = array<i64: 2>, pad_low = array<i64: 1>,
      pad_high = array<i64: 1>, dilations = array<i64: 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x8x2xf32>) -> tensor<1x4x2xf32>
  return %y : tensor<1x4x2xf32>
}

// -----

// The smallest position of the maximum; padding never wins.
// CHECK-LABEL: func @max_pool_index
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: tensor<1x4x2xi8>)
// CHECK: arith.maximumf
// CHECK: %[[INIT:.+]] = linalg.fill {{.*}} outs(%[[OUT]] : tensor<1x4x2xi8>)
// CHECK: linalg.generic {{.*}} outs(%[[INIT]] : tensor<1x4x2xi8>)
// CHECK: %[[EQUAL:.+]] = arith.cmpf oeq
// CHECK: %[[INSIDE:.+]] = arith.cmpi sge
// CHECK: arith.andi %[[EQUAL]], %[[INSIDE]]
// CHECK: arith.cmpf uno
// CHECK: arith.minsi
func.func @max_pool_index(%x: tensor<1x8x2xf32>, %out: tensor<1x4x2xi8>) -> tensor<1x4x2xi8> attributes {pock.kernel} {
  %y = pock.max_pool_index %x {kernel = array<i64: 3>, strides = array<i64: 2>, pad_low = array<i64: 1>,
      pad_high = array<i64: 1>, dilations = array<i64: 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x8x2xf32>) -> tensor<1x4x2xi8>
  return %y : tensor<1x4x2xi8>
}

// -----

// Windows that tile the input: each entry looks at its own window.
// CHECK-LABEL: func @max_pool_grad
// CHECK-SAME: %[[G:.+]]: tensor<1x4x2xf32>, %[[I:.+]]: tensor<1x4x2xi8>, %[[OUT:.+]]: tensor<1x8x2xf32>
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%[[G]], %[[I]] :
// CHECK: arith.cmpi eq
// CHECK: arith.select
// CHECK-NOT: tensor.insert_slice
func.func @max_pool_grad(%g: tensor<1x4x2xf32>, %i: tensor<1x4x2xi8>, %out: tensor<1x8x2xf32>)
    -> tensor<1x8x2xf32> attributes {pock.kernel} {
  %y = pock.max_pool_grad %g, %i {kernel = array<i64: 2>, strides = array<i64: 2>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>, dilations = array<i64: 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x4x2xf32>, tensor<1x4x2xi8>) -> tensor<1x8x2xf32>
  return %y : tensor<1x8x2xf32>
}

// -----

// Windows that overlap: one class for even entries, one for odd ones.
// CHECK-LABEL: func @max_pool_grad_overlap
// CHECK: %[[EVEN:.+]] = linalg.generic
// CHECK: arith.cmpi eq
// CHECK: arith.select
// CHECK: %[[ODD:.+]] = linalg.generic
// CHECK: %[[HALF:.+]] = tensor.insert_slice %[[EVEN]] into %{{.+}}[0, 0, 0] [1, 4, 2] [1, 2, 1]
// CHECK: tensor.insert_slice %[[ODD]] into %[[HALF]][0, 1, 0] [1, 4, 2] [1, 2, 1]
func.func @max_pool_grad_overlap(%g: tensor<1x4x2xf32>, %i: tensor<1x4x2xi8>, %out: tensor<1x8x2xf32>)
    -> tensor<1x8x2xf32> attributes {pock.kernel} {
  %y = pock.max_pool_grad %g, %i {kernel = array<i64: 3>, strides = array<i64: 2>, pad_low = array<i64: 1>,
      pad_high = array<i64: 0>, dilations = array<i64: 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x4x2xf32>, tensor<1x4x2xi8>) -> tensor<1x8x2xf32>
  return %y : tensor<1x8x2xf32>
}

// -----

// Stride 1: one class, computed into the out.
// CHECK-DAG: #[[$INPUT:.+]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 + d3)>
// CHECK-LABEL: func @sum_pool_grad
// CHECK-SAME: %[[G:.+]]: tensor<1x2x6xf32>, %[[OUT:.+]]: tensor<1x2x8xf32>
// CHECK: %[[PADDED:.+]] = tensor.insert_slice %[[G]] into %{{.+}}[0, 0, 2] [1, 2, 6] [1, 1, 1] : tensor<1x2x6xf32> into tensor<1x2x10xf32>
// CHECK: linalg.fill {{.*}} outs(%[[OUT]] : tensor<1x2x8xf32>)
// CHECK: linalg.generic {indexing_maps = [#[[$INPUT]], {{.*}} ins(%[[PADDED]], %
// CHECK: arith.addf
func.func @sum_pool_grad(%g: tensor<1x2x6xf32>, %out: tensor<1x2x8xf32>) -> tensor<1x2x8xf32> attributes {pock.kernel} {
  %y = pock.sum_pool_grad %g {kernel = array<i64: 3>, strides = array<i64: 1>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>, dilations = array<i64: 1>} : (tensor<1x2x6xf32>) -> tensor<1x2x8xf32>
  return %y : tensor<1x2x8xf32>
}
