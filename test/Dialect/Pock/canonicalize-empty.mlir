// RUN: pock-opt %s --canonicalize --split-input-file | FileCheck %s

// What has no entries is a constant, and nothing computes it.
// CHECK-LABEL: func.func @results(
// CHECK-NEXT: %[[NONE:.+]] = pock.constant dense<0.000000e+00> : tensor<2x0xf32>
// CHECK-NEXT: return %[[NONE]]
func.func @results(%x: tensor<2x4xf32>, %z: tensor<1x0xf32>) -> tensor<2x0xf32> {
  %0 = pock.slice %x {starts = array<i64: 0, 1>, limits = array<i64: 2, 1>, strides = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x0xf32>
  %1 = pock.add %0, %z : (tensor<2x0xf32>, tensor<1x0xf32>) -> tensor<2x0xf32>
  %2 = pock.relu %1 : (tensor<2x0xf32>) -> tensor<2x0xf32>
  return %2 : tensor<2x0xf32>
}

// -----

// Sums over nothing.
// CHECK-LABEL: func.func @sums(
// CHECK-DAG: %[[SUM:.+]] = pock.constant dense<0.000000e+00> : tensor<2xf32>
// CHECK-DAG: %[[PRODUCT:.+]] = pock.constant dense<0.000000e+00> : tensor<2x3xf32>
// CHECK-DAG: %[[FILTER:.+]] = pock.constant dense<0.000000e+00> : tensor<4x3x3xf32>
// CHECK-NEXT: return %[[SUM]], %[[PRODUCT]], %[[FILTER]]
func.func @sums(%x: tensor<2x0xf32>, %w: tensor<0x3xf32>, %i: tensor<0x3x8xf32>, %g: tensor<0x4x6xf32>)
    -> (tensor<2xf32>, tensor<2x3xf32>, tensor<4x3x3xf32>) {
  %0 = pock.sum %x {dims = array<i64: 1>} : (tensor<2x0xf32>) -> tensor<2xf32>
  %1 = pock.matmul %x, %w : (tensor<2x0xf32>, tensor<0x3xf32>) -> tensor<2x3xf32>
  %2 = pock.conv_weight_grad %i, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<0x3x8xf32>, tensor<0x4x6xf32>) -> tensor<4x3x3xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2x3xf32>, tensor<4x3x3xf32>
}

// -----

// The mean of nothing is NaN, as in PyTorch.
// CHECK-LABEL: func.func @mean(
// CHECK-NEXT: %[[NAN:.+]] = pock.constant dense<0x7FC00000> : tensor<2xf32>
// CHECK-NEXT: return %[[NAN]]
func.func @mean(%x: tensor<2x0xf32>) -> tensor<2xf32> {
  %0 = pock.mean %x {dims = array<i64: 1>} : (tensor<2x0xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// No key: zeros, and the logarithm of a sum of nothing.
// CHECK-LABEL: func.func @attention(
// CHECK-DAG: %[[O:.+]] = pock.constant dense<0.000000e+00> : tensor<2x3x5xf32>
// CHECK-DAG: %[[LSE:.+]] = pock.constant dense<0xFF800000> : tensor<2x3x1xf32>
// CHECK-NEXT: return %[[O]], %[[LSE]]
func.func @attention(%q: tensor<2x3x4xf32>, %k: tensor<2x0x4xf32>, %v: tensor<2x0x5xf32>) -> (tensor<2x3x5xf32>, tensor<2x3x1xf32>) {
  %o, %lse = pock.attention %q, %k, %v : (tensor<2x3x4xf32>, tensor<2x0x4xf32>, tensor<2x0x5xf32>) -> (tensor<2x3x5xf32>, tensor<2x3x1xf32>)
  return %o, %lse : tensor<2x3x5xf32>, tensor<2x3x1xf32>
}

// -----

// Joined, padded, inserted, added: the rest.
// CHECK-LABEL: func.func @parts(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<2x4xf32>
// CHECK: %[[PADDING:.+]] = pock.constant dense<-1.000000e+00> : tensor<2x3xf32>
// CHECK-NEXT: return %[[X]], %[[PADDING]], %[[X]], %[[X]]
func.func @parts(%x: tensor<2x4xf32>, %z: tensor<2x0xf32>, %i: tensor<0xi64>, %u: tensor<2x0xf32>)
    -> (tensor<2x4xf32>, tensor<2x3xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = pock.concat %z, %x, %z {dim = 1 : i64} : (tensor<2x0xf32>, tensor<2x4xf32>, tensor<2x0xf32>) -> tensor<2x4xf32>
  %1 = pock.pad %z {low = array<i64: 0, 1>, high = array<i64: 0, 2>, interior = array<i64: 0, 0>, value = -1.0 : f64} : (tensor<2x0xf32>) -> tensor<2x3xf32>
  %2 = pock.insert_slice %z, %x {starts = array<i64: 0, 1>, limits = array<i64: 2, 1>, strides = array<i64: 1, 1>} : (tensor<2x0xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = pock.scatter_add %x, %i, %u {dim = 1 : i64} : (tensor<2x4xf32>, tensor<0xi64>, tensor<2x0xf32>) -> tensor<2x4xf32>
  return %0, %1, %2, %3 : tensor<2x4xf32>, tensor<2x3xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// A parameter without entries is neither read nor written.
pock.param @w {trained} : tensor<0x4xf32>
pock.param @b {kind = #pock.kind<buffer>} : tensor<0xf32>
// CHECK-LABEL: func.func @parameters(
// CHECK-NEXT: return
func.func @parameters(%lr: tensor<f32>, %m: tensor<0xf32>) {
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    %w = pock.load_param @w : tensor<0x4xf32>
    %g = pock.mul %w, %lr : (tensor<0x4xf32>, tensor<f32>) -> tensor<0x4xf32>
    pock.yield %g : tensor<0x4xf32>
  } : tensor<f32>
  pock.store_param @b, %m : tensor<0xf32>
  return
}

// -----

// Tensors with entries stay as they are.
// CHECK-LABEL: func.func @not_empty(
// CHECK: pock.concat
// CHECK: pock.mean
func.func @not_empty(%x: tensor<2x1xf32>) -> tensor<2xf32> {
  %0 = pock.concat %x, %x {dim = 1 : i64} : (tensor<2x1xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %1 = pock.mean %0 {dims = array<i64: 1>} : (tensor<2x2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
