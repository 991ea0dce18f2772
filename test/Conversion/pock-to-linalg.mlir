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
// CHECK: %[[NEGATIVE:.+]] = arith.cmpf olt
// CHECK: arith.select %[[NEGATIVE]]
// CHECK: return %[[Y]]
func.func @elementwise(%x: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> attributes {pock.kernel} {
  %y = pock.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// CHECK-DAG: #[[$ALL:.+]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[$COLUMN:.+]] = affine_map<(d0, d1, d2) -> (d1)>
// What is repeated is read by the dimensions that are left.
// CHECK-LABEL: func @broadcast
// CHECK: linalg.generic {indexing_maps = [#[[$ALL]], #[[$COLUMN]], #[[$ALL]]]
func.func @broadcast(%a: tensor<2x3x4xf32>, %b: tensor<3x1xf32>, %out: tensor<2x3x4xf32>)
    -> tensor<2x3x4xf32> attributes {pock.kernel} {
  %y = pock.sub %a, %b : (tensor<2x3x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

// Also where nothing is repeated, because there is one of it: the product's rows
// stay collapsed up to the end.
// CHECK-LABEL: func @broadcast_over_one(
// CHECK-NOT: tensor.expand_shape
// CHECK: linalg.generic {{.*}} ins(%{{.+}}, %{{.+}} : tensor<16x8xf32>, tensor<8xf32>)
// CHECK: return
func.func @broadcast_over_one(%x: tensor<1x4x4x3xf32>, %w: tensor<1x1x3x8xf32>, %b: tensor<1x1x1x8xf32>, %out: tensor<1x4x4x8xf32>)
    -> tensor<1x4x4x8xf32> attributes {pock.kernel} {
  %c = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x4x4x3xf32>, tensor<1x1x3x8xf32>) -> tensor<1x4x4x8xf32>
  %y = pock.sub %c, %b : (tensor<1x4x4x8xf32>, tensor<1x1x1x8xf32>) -> tensor<1x4x4x8xf32>
  return %y : tensor<1x4x4x8xf32>
}

// -----

// All readers of a product run over its rows.
// CHECK-LABEL: func @two_readers(
// CHECK: linalg.generic {{.*}} ins(%{{.+}} : tensor<32x8xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.+}} : tensor<32x8xf32>)
// CHECK: return
func.func @two_readers(%x: tensor<2x4x4x3xf32>, %w: tensor<1x1x3x8xf32>, %out: tensor<2x4x4x8xf32>, %mask: tensor<2x4x4x8xi1>)
    -> (tensor<2x4x4x8xf32>, tensor<2x4x4x8xi1>) attributes {pock.kernel} {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %c = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>,
      dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<2x4x4x3xf32>, tensor<1x1x3x8xf32>) -> tensor<2x4x4x8xf32>
  %y = pock.exp %c : (tensor<2x4x4x8xf32>) -> tensor<2x4x4x8xf32>
  %m = pock.cmp %c, %zero {predicate = #pock.cmp<gt>} : (tensor<2x4x4x8xf32>, tensor<f32>) -> tensor<2x4x4x8xi1>
  return %y, %m : tensor<2x4x4x8xf32>, tensor<2x4x4x8xi1>
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

// -----

// Where the maximum is minus infinity, nothing is subtracted, and divided by one.
// CHECK-LABEL: func @softmax_safe
// CHECK-DAG: %[[ONE:.+]] = arith.constant 1.000000e+00 : f32
// CHECK-DAG: %[[ZERO:.+]] = arith.constant 0.000000e+00 : f32
// CHECK-DAG: %[[LEAST:.+]] = arith.constant 0xFF800000 : f32
// CHECK: arith.maximumf
// CHECK: arith.cmpf oeq, %{{.+}}, %[[LEAST]]
// CHECK: arith.select %{{.+}}, %[[ZERO]], %{{.+}}
// CHECK: math.exp
// CHECK: arith.cmpf oeq, %{{.+}}, %[[ZERO]]
// CHECK: arith.select %{{.+}}, %[[ONE]], %{{.+}}
// CHECK: arith.divf
func.func @softmax_safe(%x: tensor<2x4xf32>, %out: tensor<2x4xf32>) -> tensor<2x4xf32> attributes {pock.kernel} {
  %y = pock.softmax %x {dim = 1 : i64, safe = true} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// (x - mean) / sqrt(mean((x - mean)^2) + eps).
// CHECK-LABEL: func @normalize
// CHECK: arith.addf
// CHECK: arith.subf
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK: math.sqrt
// CHECK: arith.divf
// CHECK: arith.mulf
func.func @normalize(%x: tensor<2x8xf32>, %out: tensor<2x8xf32>, %out_rstd: tensor<2x1xf32>)
    -> (tensor<2x8xf32>, tensor<2x1xf32>) attributes {pock.kernel} {
  %y, %rstd = pock.normalize %x {dims = array<i64: 1>} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x1xf32>)
  return %y, %rstd : tensor<2x8xf32>, tensor<2x1xf32>
}

// -----

// CHECK-LABEL: func @normalize_not_centered
// CHECK-NOT: arith.subf
// CHECK: math.sqrt
// CHECK-NOT: arith.subf
// CHECK: return
func.func @normalize_not_centered(%x: tensor<2x8xf32>, %out: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {pock.kernel} {
  %y, %rstd = pock.normalize %x {dims = array<i64: 1>, centered = false} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x1xf32>)
  return %y : tensor<2x8xf32>
}

// -----

// The counter is 9 + 5 row, the same for all columns. Kept if the upper 24 bits reach 2^24 / 4,
// then times 4 / 3.
// CHECK-LABEL: func @dropout
// CHECK-SAME: %[[X:.+]]: tensor<2x4xf32>, %[[SEED:.+]]: tensor<i64>, %[[STEP:.+]]: tensor<i64>, %[[OUT:.+]]: tensor<2x4xf32>
// CHECK-DAG: %[[STREAM:.+]] = arith.constant 7 : i32
// CHECK-DAG: %[[FACTOR:.+]] = arith.constant 3528905107 : i64
// CHECK-DAG: %[[WEYL:.+]] = arith.constant -1640531527 : i32
// CHECK-DAG: %[[OFFSET:.+]] = arith.constant 9 : i32
// CHECK-DAG: %[[STRIDE:.+]] = arith.constant 5 : i32
// CHECK-DAG: %[[LOST:.+]] = arith.constant 8 : i32
// CHECK-DAG: %[[LIMIT:.+]] = arith.constant 4194304 : i32
// CHECK-DAG: %[[SCALE:.+]] = arith.constant 1.33333337 : f32
// CHECK-DAG: %[[ZERO:.+]] = arith.constant 0.0{{.*}} : f32
// CHECK: linalg.generic {{.*}} ins(%[[X]], %[[SEED]], %[[STEP]] : {{.*}} outs(%[[OUT]] :
// CHECK-NOT: linalg.index 1
// CHECK: %[[ROW:.+]] = linalg.index 0
// CHECK: %[[WORD:.+]] = arith.index_cast %[[ROW]] : index to i32
// CHECK: %[[STEPS:.+]] = arith.muli %[[WORD]], %[[STRIDE]]
// CHECK: %[[COUNTER:.+]] = arith.addi %[[STEPS]], %[[OFFSET]]
// CHECK-NOT: linalg.index 1
// CHECK: %[[FRACTION:.+]] = arith.shrui %{{.+}}, %[[LOST]] : i32
// CHECK: %[[KEEP:.+]] = arith.cmpi uge, %[[FRACTION]], %[[LIMIT]]
// CHECK: %[[SCALED:.+]] = arith.mulf %{{.+}}, %[[SCALE]]
// CHECK: arith.select %[[KEEP]], %[[SCALED]], %[[ZERO]]
func.func @dropout(%x: tensor<2x4xf32>, %seed: tensor<i64>, %step: tensor<i64>, %out: tensor<2x4xf32>)
    -> tensor<2x4xf32> attributes {pock.kernel} {
  %y = pock.dropout %x, %seed, %step {p = 0.25 : f64, stream = 7 : i64, strides = array<i64: 5, 0>, offset = 9 : i64}
      : (tensor<2x4xf32>, tensor<i64>, tensor<i64>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// CHECK-LABEL: func @rounding
// CHECK: math.floor
// CHECK: math.roundeven
func.func @rounding(%x: tensor<4xf32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.floor %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.neg %0 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = pock.round %1 : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// A long sum over several dimensions is a sum of sums; a short one is not, and
// neither is a sum of integers.
// CHECK-LABEL: func @long_sum
// CHECK: %[[ROWS:.+]] = linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction", "parallel"]{{.*}} outs(%{{.+}} : tensor<1x64x4xf32>)
// CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "reduction", "parallel"]{{.*}} ins(%[[ROWS]] :
// CHECK-LABEL: func @short_sum
// CHECK: iterator_types = ["reduction", "reduction", "reduction", "parallel"]
// CHECK-LABEL: func @long_sum_of_integers
// CHECK: iterator_types = ["reduction", "reduction", "reduction", "parallel"]
func.func @long_sum(%x: tensor<1x64x32x4xf32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.sum %x {dims = array<i64: 0, 1, 2>} : (tensor<1x64x32x4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @short_sum(%x: tensor<1x32x32x4xf32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.sum %x {dims = array<i64: 0, 1, 2>} : (tensor<1x32x32x4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @long_sum_of_integers(%x: tensor<1x64x32x4xi64>, %out: tensor<4xi64>) -> tensor<4xi64> attributes {pock.kernel} {
  %0 = pock.sum %x {dims = array<i64: 0, 1, 2>} : (tensor<1x64x32x4xi64>) -> tensor<4xi64>
  return %0 : tensor<4xi64>
}
