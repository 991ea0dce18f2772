// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// da = g b^T, db = a^T g.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[A:.+]] = pock.load_param @a
// CHECK: %[[B:.+]] = pock.load_param @b
// CHECK: %[[DA:.+]] = pock.matmul %[[G]], %[[B]] {transpose_rhs}
// CHECK: %[[DB:.+]] = pock.matmul %[[A]], %[[G]] {transpose_lhs}
// CHECK: pock.sparse_update @a
// CHECK: pock.yield %[[DA]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @a {trained} : tensor<3x4xf64>
  pock.param @b {trained} : tensor<4x5xf64>
  func.func @loss(%g: tensor<3x5xf64>) -> tensor<f64> {
    %a = pock.load_param @a : tensor<3x4xf64>
    %b = pock.load_param @b : tensor<4x5xf64>
    %y = pock.matmul %a, %b : (tensor<3x4xf64>, tensor<4x5xf64>) -> tensor<3x5xf64>
    %weighted = pock.mul %y, %g : (tensor<3x5xf64>, tensor<3x5xf64>) -> tensor<3x5xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<3x5xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// a is stored transposed: da = b g^T, db = a g.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[A:.+]] = pock.load_param @a
// CHECK: %[[B:.+]] = pock.load_param @b
// CHECK: %[[DA:.+]] = pock.matmul %[[B]], %[[G]] {transpose_rhs}
// CHECK: %[[DB:.+]] = pock.matmul %[[A]], %[[G]]
// CHECK: pock.sparse_update @a
// CHECK: pock.yield %[[DA]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @a {trained} : tensor<4x3xf64>
  pock.param @b {trained} : tensor<4x5xf64>
  func.func @loss(%g: tensor<3x5xf64>) -> tensor<f64> {
    %a = pock.load_param @a : tensor<4x3xf64>
    %b = pock.load_param @b : tensor<4x5xf64>
    %y = pock.matmul %a, %b {transpose_lhs} : (tensor<4x3xf64>, tensor<4x5xf64>) -> tensor<3x5xf64>
    %weighted = pock.mul %y, %g : (tensor<3x5xf64>, tensor<3x5xf64>) -> tensor<3x5xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<3x5xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// b is stored transposed: da = g b, db = g^T a.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[A:.+]] = pock.load_param @a
// CHECK: %[[B:.+]] = pock.load_param @b
// CHECK: %[[DA:.+]] = pock.matmul %[[G]], %[[B]]
// CHECK: %[[DB:.+]] = pock.matmul %[[G]], %[[A]] {transpose_lhs}
// CHECK: pock.sparse_update @a
// CHECK: pock.yield %[[DA]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @a {trained} : tensor<3x4xf64>
  pock.param @b {trained} : tensor<5x4xf64>
  func.func @loss(%g: tensor<3x5xf64>) -> tensor<f64> {
    %a = pock.load_param @a : tensor<3x4xf64>
    %b = pock.load_param @b : tensor<5x4xf64>
    %y = pock.matmul %a, %b {transpose_rhs} : (tensor<3x4xf64>, tensor<5x4xf64>) -> tensor<3x5xf64>
    %weighted = pock.mul %y, %g : (tensor<3x5xf64>, tensor<3x5xf64>) -> tensor<3x5xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<3x5xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// batched, both stored transposed: da = b^T g^T, db = g^T a^T.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]:
// CHECK: %[[A:.+]] = pock.load_param @a
// CHECK: %[[B:.+]] = pock.load_param @b
// CHECK: %[[DA:.+]] = pock.matmul %[[B]], %[[G]] {transpose_lhs, transpose_rhs}
// CHECK: %[[DB:.+]] = pock.matmul %[[G]], %[[A]] {transpose_lhs, transpose_rhs}
// CHECK: pock.sparse_update @a
// CHECK: pock.yield %[[DA]]
// CHECK: pock.sparse_update @b
// CHECK: pock.yield %[[DB]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @a {trained} : tensor<2x4x3xf64>
  pock.param @b {trained} : tensor<2x5x4xf64>
  func.func @loss(%g: tensor<2x3x5xf64>) -> tensor<f64> {
    %a = pock.load_param @a : tensor<2x4x3xf64>
    %b = pock.load_param @b : tensor<2x5x4xf64>
    %y = pock.matmul %a, %b {transpose_lhs, transpose_rhs} : (tensor<2x4x3xf64>, tensor<2x5x4xf64>) -> tensor<2x3x5xf64>
    %weighted = pock.mul %y, %g : (tensor<2x3x5xf64>, tensor<2x3x5xf64>) -> tensor<2x3x5xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1, 2>} : (tensor<2x3x5xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
