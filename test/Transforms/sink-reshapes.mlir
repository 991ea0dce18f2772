// RUN: pock-opt %s --pass-pipeline='builtin.module(func.func(pock-sink-reshapes),canonicalize)' --split-input-file | FileCheck %s

// Bias, activation and residual run on the rows of the product.
// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[P:.+]]: tensor<8x4xf32>, %[[B:.+]]: tensor<4xf32>, %[[R:.+]]: tensor<2x4x4xf32>)
// CHECK: %[[A:.+]] = pock.add %[[P]], %[[B]] : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
// CHECK: %[[G:.+]] = pock.gelu %[[A]]
// CHECK: %[[ROWS:.+]] = pock.reshape %[[R]] : (tensor<2x4x4xf32>) -> tensor<8x4xf32>
// CHECK: %[[S:.+]] = pock.add %[[G]], %[[ROWS]]
// CHECK: %[[Y:.+]] = pock.reshape %[[S]] : (tensor<8x4xf32>) -> tensor<2x4x4xf32>
// CHECK: return %[[Y]]
func.func @linear(%p: tensor<8x4xf32>, %b: tensor<4xf32>, %r: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  %0 = pock.reshape %p : (tensor<8x4xf32>) -> tensor<2x4x4xf32>
  %1 = pock.add %0, %b : (tensor<2x4x4xf32>, tensor<4xf32>) -> tensor<2x4x4xf32>
  %2 = pock.gelu %1 : (tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %3 = pock.add %2, %r : (tensor<2x4x4xf32>, tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  return %3 : tensor<2x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @normalize(
// CHECK: %[[N:.+]], %[[R:.+]] = pock.normalize %{{.+}} {dims = array<i64: 1>} : (tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x1xf32>)
// CHECK-DAG: pock.reshape %[[N]] : (tensor<8x4xf32>) -> tensor<2x4x4xf32>
// CHECK-DAG: pock.reshape %[[R]] : (tensor<8x1xf32>) -> tensor<2x4x1xf32>
func.func @normalize(%p: tensor<8x4xf32>) -> (tensor<2x4x4xf32>, tensor<2x4x1xf32>) {
  %0 = pock.reshape %p : (tensor<8x4xf32>) -> tensor<2x4x4xf32>
  %1, %2 = pock.normalize %0 {dims = array<i64: 2>} : (tensor<2x4x4xf32>) -> (tensor<2x4x4xf32>, tensor<2x4x1xf32>)
  return %1, %2 : tensor<2x4x4xf32>, tensor<2x4x1xf32>
}

// -----

// The counters of the mask step evenly through batch and time.
// CHECK-LABEL: func.func @dropout(
// CHECK: pock.dropout %{{.+}} {p = 5.000000e-01 : f64, stream = 0 : i64, strides = array<i64: 4, 1>} : (tensor<8x4xf32>
func.func @dropout(%p: tensor<8x4xf32>, %s: tensor<i64>) -> tensor<2x4x4xf32> {
  %0 = pock.reshape %p : (tensor<8x4xf32>) -> tensor<2x4x4xf32>
  %1 = pock.dropout %0, %s, %s {p = 0.5 : f64, stream = 0 : i64, strides = array<i64: 16, 4, 1>}
      : (tensor<2x4x4xf32>, tensor<i64>, tensor<i64>) -> tensor<2x4x4xf32>
  return %1 : tensor<2x4x4xf32>
}

// -----

// A mask shared along time is none of rows.
// CHECK-LABEL: func.func @feature_dropout(
// CHECK: pock.dropout %{{.+}} : (tensor<2x4x4xf32>
func.func @feature_dropout(%p: tensor<8x4xf32>, %s: tensor<i64>) -> tensor<2x4x4xf32> {
  %0 = pock.reshape %p : (tensor<8x4xf32>) -> tensor<2x4x4xf32>
  %1 = pock.dropout %0, %s, %s {p = 0.5 : f64, stream = 0 : i64, strides = array<i64: 4, 0, 1>}
      : (tensor<2x4x4xf32>, tensor<i64>, tensor<i64>) -> tensor<2x4x4xf32>
  return %1 : tensor<2x4x4xf32>
}

// -----

// An operand of its own for each time step stays beside batch and time; so does
// a reshape that splits the last dimension.
// CHECK-LABEL: func.func @does_nothing(
// CHECK: %[[S:.+]] = pock.reshape
// CHECK: pock.add %[[S]], %{{.+}} : (tensor<2x4x4xf32>, tensor<4x4xf32>)
// CHECK: %[[H:.+]] = pock.reshape
// CHECK: pock.relu %[[H]] : (tensor<8x2x2xf32>)
func.func @does_nothing(%p: tensor<8x4xf32>, %t: tensor<4x4xf32>) -> (tensor<2x4x4xf32>, tensor<8x2x2xf32>) {
  %0 = pock.reshape %p : (tensor<8x4xf32>) -> tensor<2x4x4xf32>
  %1 = pock.add %0, %t : (tensor<2x4x4xf32>, tensor<4x4xf32>) -> tensor<2x4x4xf32>
  %2 = pock.reshape %p : (tensor<8x4xf32>) -> tensor<8x2x2xf32>
  %3 = pock.relu %2 : (tensor<8x2x2xf32>) -> tensor<8x2x2xf32>
  return %1, %3 : tensor<2x4x4xf32>, tensor<8x2x2xf32>
}

// -----

// One mask per sample: a dimension of size one says nothing about the next.
// CHECK-LABEL: func.func @dropout_of_one_channel(
// CHECK: pock.dropout %{{.+}} : (tensor<4x1x3x5xf32>
func.func @dropout_of_one_channel(%p: tensor<12x5xf32>, %s: tensor<i64>) -> tensor<4x1x3x5xf32> {
  %0 = pock.reshape %p : (tensor<12x5xf32>) -> tensor<4x1x3x5xf32>
  %1 = pock.dropout %0, %s, %s {p = 0.5 : f64, stream = 0 : i64, strides = array<i64: 1, 1, 0, 0>} : (tensor<4x1x3x5xf32>, tensor<i64>, tensor<i64>) -> tensor<4x1x3x5xf32>
  return %1 : tensor<4x1x3x5xf32>
}
