// RUN: pock-opt %s --pock-assign-layout --split-input-file | FileCheck %s

// The weight is stored [kernel, C, F]; one transpose in, one out, none between.
// CHECK: pock.param @w {permutation = array<i64: 2, 1, 0>, slice = #pock.slice<axis = 1, size = 2>, trained} : tensor<3x4x2xf32>
pock.param @w {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<2x4x3xf32>
// CHECK-LABEL: func.func @conv_relu(
// CHECK: %[[W:.+]] = pock.load_param @w : tensor<3x4x2xf32>
// CHECK: %[[X:.+]] = pock.transpose %arg0 {permutation = array<i64: 0, 2, 1>}
// CHECK: %[[C:.+]] = pock.conv %[[X]], %[[W]] {{{.*}}layout = #pock.layout<channels_last>
// CHECK: %[[R:.+]] = pock.relu %[[C]] : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32>
// CHECK: %[[Y:.+]] = pock.transpose %[[R]] {permutation = array<i64: 0, 2, 1>}
// CHECK: return %[[Y]]
func.func @conv_relu(%x: tensor<1x4x5xf32>) -> tensor<1x2x3xf32> {
  %w = pock.load_param @w : tensor<2x4x3xf32>
  %0 = pock.conv %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
  %1 = pock.relu %0 : (tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  return %1 : tensor<1x2x3xf32>
}

// -----

// CHECK-LABEL: func.func @transposes_cancel_in_mean(
// CHECK: pock.transpose
// CHECK: %[[P:.+]] = pock.max_pool {{.*}}channels_last
// CHECK-NEXT: %[[M:.+]] = pock.mean %[[P]] {dims = array<i64: 1, 2>} : (tensor<1x4x4x3xf32>) -> tensor<1x3xf32>
// CHECK-NEXT: return %[[M]]
func.func @transposes_cancel_in_mean(%x: tensor<1x3x8x8xf32>) -> tensor<1x3xf32> {
  %0 = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  %1 = pock.mean %0 {dims = array<i64: 2, 3>} : (tensor<1x3x4x4xf32>) -> tensor<1x3xf32>
  return %1 : tensor<1x3xf32>
}

// -----

// CHECK: pock.param @v : tensor<4xf32>
pock.param @v : tensor<4xf32>
// CHECK-LABEL: func.func @no_layout(
// CHECK-NOT: pock.transpose
// CHECK: return
func.func @no_layout(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = pock.load_param @v : tensor<4xf32>
  %0 = pock.add %x, %v : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

// A parameter with another reader keeps its storage.
// CHECK: pock.param @shared : tensor<2x4x3xf32>
pock.param @shared : tensor<2x4x3xf32>
// CHECK-LABEL: func.func @two_readers(
// CHECK: pock.conv {{.*}}channels_last
func.func @two_readers(%x: tensor<1x4x5xf32>) -> (tensor<1x2x3xf32>, tensor<2x4x3xf32>) {
  %w = pock.load_param @shared : tensor<2x4x3xf32>
  %0 = pock.conv %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
  %1 = pock.neg %w : (tensor<2x4x3xf32>) -> tensor<2x4x3xf32>
  return %0, %1 : tensor<1x2x3xf32>, tensor<2x4x3xf32>
}

// -----

// The counters of the entries stay those of the channels-first shape.
// CHECK-LABEL: func.func @dropout_keeps_its_mask(
// CHECK: %[[P:.+]] = pock.max_pool {{.*}}channels_last
// CHECK: %[[D:.+]] = pock.dropout %[[P]], %arg1, %arg1 {{{.*}}strides = array<i64: 12, 2, 1, 4>} : (tensor<1x2x2x3xf32>,
// CHECK: pock.transpose %[[D]]
func.func @dropout_keeps_its_mask(%x: tensor<1x3x4x4xf32>, %seed: tensor<i64>) -> tensor<1x3x2x2xf32> {
  %0 = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  %1 = pock.dropout %0, %seed, %seed {p = 0.5 : f64, stream = 0 : i64, strides = array<i64: 12, 4, 2, 1>}
      : (tensor<1x3x2x2xf32>, tensor<i64>, tensor<i64>) -> tensor<1x3x2x2xf32>
  return %1 : tensor<1x3x2x2xf32>
}

// -----

// Over channels and columns, which are dimensions 3 and 2 then. Both results get the old shape back.
// CHECK-LABEL: func.func @normalize(
// CHECK: %[[P:.+]] = pock.max_pool {{.*}}channels_last
// CHECK: %[[N:.+]], %[[R:.+]] = pock.normalize %[[P]] {dims = array<i64: 2, 3>, eps = 5.000000e-01 : f64} : (tensor<1x2x2x3xf32>) -> (tensor<1x2x2x3xf32>, tensor<1x2x1x1xf32>)
// CHECK-DAG: %[[Y:.+]] = pock.transpose %[[N]]
// CHECK-DAG: %[[S:.+]] = pock.reshape %[[R]] {{.*}} -> tensor<1x1x2x1xf32>
// CHECK: return %[[Y]], %[[S]]
func.func @normalize(%x: tensor<1x3x4x4xf32>) -> (tensor<1x3x2x2xf32>, tensor<1x1x2x1xf32>) {
  %0 = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  %y, %r = pock.normalize %0 {dims = array<i64: 1, 3>, eps = 0.5 : f64} : (tensor<1x3x2x2xf32>) -> (tensor<1x3x2x2xf32>, tensor<1x1x2x1xf32>)
  return %y, %r : tensor<1x3x2x2xf32>, tensor<1x1x2x1xf32>
}

// -----

// Read as it is and transposed: it stays as it is, and the product reads it
// the other way.

// CHECK: pock.param @table : tensor<10x4xf32>
pock.param @table : tensor<10x4xf32>
// CHECK-LABEL: func.func @tied(
// CHECK: %[[T:.+]] = pock.load_param @table
// CHECK-NOT: pock.transpose
// CHECK: %[[E:.+]] = pock.take %[[T]]
// CHECK: pock.matmul %[[E]], %[[T]] {transpose_rhs}
func.func @tied(%ids: tensor<3xi64>) -> tensor<3x10xf32> {
  %t = pock.load_param @table : tensor<10x4xf32>
  %e = pock.take %t, %ids {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
  %w = pock.transpose %t {permutation = array<i64: 1, 0>} : (tensor<10x4xf32>) -> tensor<4x10xf32>
  %y = pock.matmul %e, %w : (tensor<3x4xf32>, tensor<4x10xf32>) -> tensor<3x10xf32>
  return %y : tensor<3x10xf32>
}
