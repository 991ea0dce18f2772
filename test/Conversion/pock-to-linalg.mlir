// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// Only kernels are lowered.
// CHECK-LABEL: func @not_a_kernel
// CHECK: pock.relu
func.func @not_a_kernel(%x: tensor<8xf32>) -> tensor<8xf32> {
  %y = pock.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// The result is computed into the out argument.
// CHECK-LABEL: func @elementwise
// CHECK-SAME: %[[X:.+]]: tensor<8xf32>, %[[OUT:.+]]: tensor<8xf32>
// CHECK: %[[Y:.+]] = linalg.generic {{.*}} ins(%[[X]] : tensor<8xf32>) outs(%[[OUT]] : tensor<8xf32>)
// CHECK: arith.maximumf
// CHECK: return %[[Y]]
func.func @elementwise(%x: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> attributes {pock.kernel} {
  %y = pock.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// CHECK-DAG: #[[$ALL:.+]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[$COLUMN:.+]] = affine_map<(d0, d1, d2) -> (d1, 0)>
// CHECK-LABEL: func @broadcast
// CHECK: linalg.generic {indexing_maps = [#[[$ALL]], #[[$COLUMN]], #[[$ALL]]]
func.func @broadcast(%a: tensor<2x3x4xf32>, %b: tensor<3x1xf32>, %out: tensor<2x3x4xf32>)
    -> tensor<2x3x4xf32> attributes {pock.kernel} {
  %y = pock.sub %a, %b : (tensor<2x3x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

// A splat constant is a scalar of the body, not an operand.
// CHECK-LABEL: func @splat
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>, %[[OUT:.+]]: tensor<4xf32>
// CHECK-NOT: dense
// CHECK: linalg.generic {{.*}} ins(%[[X]] : tensor<4xf32>) outs(%[[OUT]] : tensor<4xf32>)
func.func @splat(%x: tensor<4xf32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %c = pock.constant dense<2.0> : tensor<f32>
  %y = pock.mul %x, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// An argument that is returned is copied.
// CHECK-LABEL: func @identity
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>, %[[OUT:.+]]: tensor<4xf32>
// CHECK: %[[Y:.+]] = linalg.copy ins(%[[X]] : tensor<4xf32>) outs(%[[OUT]] : tensor<4xf32>)
// CHECK: return %[[Y]]
func.func @identity(%x: tensor<4xf32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  return %x : tensor<4xf32>
}

// -----

// A value that is returned twice is computed into one out and copied to the other.
// CHECK-LABEL: func @twice
// CHECK-SAME: %{{.+}}: tensor<4xf32>, %[[FIRST:.+]]: tensor<4xf32>, %[[SECOND:.+]]: tensor<4xf32>
// CHECK: %[[Y:.+]] = linalg.generic {{.*}} outs(%[[FIRST]] : tensor<4xf32>)
// CHECK: %[[COPY:.+]] = linalg.copy ins(%[[Y]] : tensor<4xf32>) outs(%[[SECOND]] : tensor<4xf32>)
// CHECK: return %[[Y]], %[[COPY]]
func.func @twice(%x: tensor<4xf32>, %a: tensor<4xf32>, %b: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<4xf32>) attributes {pock.kernel} {
  %y = pock.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y, %y : tensor<4xf32>, tensor<4xf32>
}

// -----

// An out that is read keeps its other entries: the update of a part in place.
// CHECK-LABEL: func @update_slice
// CHECK-SAME: %[[G:.+]]: tensor<2x4xf32>, %[[OUT:.+]]: tensor<8x4xf32>
// CHECK: %[[OLD:.+]] = tensor.extract_slice %[[OUT]][0, 0] [2, 4] [1, 1]
// CHECK: %[[NEW:.+]] = linalg.generic {{.*}} ins(%[[OLD]], %[[G]]
// CHECK: %[[RESULT:.+]] = tensor.insert_slice %[[NEW]] into %[[OUT]][0, 0] [2, 4] [1, 1]
// CHECK: return %[[RESULT]]
func.func @update_slice(%g: tensor<2x4xf32>, %out: tensor<8x4xf32>) -> tensor<8x4xf32> attributes {pock.kernel} {
  %old = pock.slice %out {starts = array<i64: 0, 0>, limits = array<i64: 2, 4>, strides = array<i64: 1, 1>}
      : (tensor<8x4xf32>) -> tensor<2x4xf32>
  %new = pock.sub %old, %g : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %y = pock.insert_slice %new, %out {starts = array<i64: 0, 0>, limits = array<i64: 2, 4>, strides = array<i64: 1, 1>}
      : (tensor<2x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// Composite ops are decomposed first.
// CHECK-LABEL: func @softmax
// CHECK-NOT: pock.softmax
// CHECK: math.exp
func.func @softmax(%x: tensor<2x4xf32>, %out: tensor<2x4xf32>) -> tensor<2x4xf32> attributes {pock.kernel} {
  %y = pock.softmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
