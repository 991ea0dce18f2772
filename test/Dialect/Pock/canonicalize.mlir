// RUN: pock-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @neg_of_neg(
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>)
// CHECK-NEXT: return %[[X]]
func.func @neg_of_neg(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = pock.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.neg %0 : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @neutral_operands(
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>)
// CHECK-NEXT: return %[[X]]
func.func @neutral_operands(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %minus_zero = pock.constant dense<-0.0> : tensor<f32>
  %one = pock.constant dense<1.0> : tensor<4xf32>
  %0 = pock.add %x, %minus_zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = pock.add %minus_zero, %0 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = pock.sub %1, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = pock.mul %2, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = pock.mul %one, %3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %5 = pock.div %4, %one : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %5 : tensor<4xf32>
}

// -0 + 0 = 0 and -0 - -0 = 0.
// CHECK-LABEL: func.func @zeros_that_are_not_neutral(
// CHECK: %[[SUM:.+]] = pock.add
// CHECK: pock.sub %[[SUM]]
func.func @zeros_that_are_not_neutral(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %minus_zero = pock.constant dense<-0.0> : tensor<f32>
  %0 = pock.add %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = pock.sub %0, %minus_zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @sum_of_zeros(
// CHECK: %[[ZEROS:.+]] = pock.constant dense<0.000000e+00> : tensor<2x1xf32>
// CHECK: return %[[ZEROS]]
func.func @sum_of_zeros() -> tensor<2x1xf32> {
  %zeros = pock.constant dense<0.0> : tensor<2x4xf32>
  %0 = pock.sum %zeros {dims = array<i64: 1>, keepdim = true} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  return %0 : tensor<2x1xf32>
}

// CHECK-LABEL: func.func @neutral_of_integers(
// CHECK-SAME: %[[X:.+]]: tensor<4xi64>)
// CHECK-NEXT: return %[[X]]
func.func @neutral_of_integers(%x: tensor<4xi64>) -> tensor<4xi64> {
  %zero = pock.constant dense<0> : tensor<i64>
  %0 = pock.add %x, %zero : (tensor<4xi64>, tensor<i64>) -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// The constant broadcasts the operand: not the identity.
// CHECK-LABEL: func.func @neutral_that_broadcasts(
// CHECK: pock.add
func.func @neutral_that_broadcasts(%x: tensor<4xf32>) -> tensor<2x4xf32> {
  %zero = pock.constant dense<0.0> : tensor<2x4xf32>
  %0 = pock.add %x, %zero : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @zero_minus_x_stays(
// CHECK: pock.sub
// CHECK: pock.div
func.func @zero_minus_x_stays(%x: tensor<f32>) -> tensor<f32> {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %one = pock.constant dense<1.0> : tensor<f32>
  %0 = pock.sub %zero, %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %1 = pock.div %one, %0 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// ((1 + 2) * 4 - 2) / 5, negated.
// CHECK-LABEL: func.func @splats(
// CHECK-NEXT: %[[C:.+]] = pock.constant dense<-2.000000e+00> : tensor<2xf32>
// CHECK-NEXT: return %[[C]]
func.func @splats() -> tensor<2xf32> {
  %a = pock.constant dense<1.0> : tensor<2xf32>
  %b = pock.constant dense<2.0> : tensor<f32>
  %c = pock.constant dense<4.0> : tensor<f32>
  %d = pock.constant dense<5.0> : tensor<f32>
  %0 = pock.add %a, %b : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %1 = pock.mul %0, %c : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %2 = pock.sub %1, %b : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %3 = pock.div %2, %d : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %4 = pock.neg %3 : (tensor<2xf32>) -> tensor<2xf32>
  return %4 : tensor<2xf32>
}

// Arithmetic of f16 and integers is not folded.
// CHECK-LABEL: func.func @splats_of_other_types(
// CHECK: pock.add {{.*}}f16
// CHECK: pock.add {{.*}}i64
func.func @splats_of_other_types() -> (tensor<f16>, tensor<i64>) {
  %a = pock.constant dense<2.0> : tensor<f16>
  %b = pock.constant dense<3> : tensor<i64>
  %0 = pock.add %a, %a : (tensor<f16>, tensor<f16>) -> tensor<f16>
  %1 = pock.add %b, %b : (tensor<i64>, tensor<i64>) -> tensor<i64>
  return %0, %1 : tensor<f16>, tensor<i64>
}

// CHECK-LABEL: func.func @relu_twice(
// CHECK: %[[R:.+]] = pock.relu
// CHECK-NEXT: return %[[R]]
func.func @relu_twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = pock.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.relu %0 : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @ops_that_change_nothing(
// CHECK-SAME: %[[X:.+]]: tensor<2x4xf32>)
// CHECK-NEXT: return %[[X]]
func.func @ops_that_change_nothing(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = pock.cast %x : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %1 = pock.sum %0 {dims = array<i64>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = pock.mean %1 {dims = array<i64>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = pock.reshape %2 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %4 = pock.transpose %3 {permutation = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %5 = pock.expand %4 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %6 = pock.concat %5 {dim = 0 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %7 = pock.slice %6 {starts = array<i64: 0, 0>, limits = array<i64: 2, 4>, strides = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %8 = pock.pad %7 {low = array<i64: 0, 0>, high = array<i64: 0, 0>, interior = array<i64: 0, 0>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %8 : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @ops_that_change_something(
// CHECK: pock.slice
// CHECK: pock.cast
// CHECK: pock.pad
func.func @ops_that_change_something(%x: tensor<4xf32>) -> tensor<5xf64> {
  %0 = pock.cast %x : (tensor<4xf32>) -> tensor<4xf64>
  %1 = pock.slice %0 {starts = array<i64: 1>, limits = array<i64: 4>, strides = array<i64: 1>} : (tensor<4xf64>) -> tensor<3xf64>
  %2 = pock.pad %1 {low = array<i64: 0>, high = array<i64: 0>, interior = array<i64: 1>} : (tensor<3xf64>) -> tensor<5xf64>
  return %2 : tensor<5xf64>
}

// CHECK-LABEL: func.func @reshape_of_reshape(
// CHECK-SAME: %[[X:.+]]: tensor<2x4xf32>)
// CHECK-NEXT: pock.reshape %[[X]] : (tensor<2x4xf32>) -> tensor<8xf32>
func.func @reshape_of_reshape(%x: tensor<2x4xf32>) -> tensor<8xf32> {
  %0 = pock.reshape %x : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %1 = pock.reshape %0 : (tensor<4x2xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// CHECK-LABEL: func.func @views_of_constants(
// CHECK-DAG: pock.constant dense<{{\[\[}}1.000000e+00], [2.000000e+00]]> : tensor<2x1xf32>
// CHECK-DAG: pock.constant dense<3.000000e+00> : tensor<4x2xf32>
// CHECK-DAG: pock.constant dense<4.000000e+00> : tensor<3xf32>
// CHECK-NEXT: return
func.func @views_of_constants() -> (tensor<2x1xf32>, tensor<4x2xf32>, tensor<3xf32>) {
  %a = pock.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = pock.constant dense<3.0> : tensor<2x4xf32>
  %c = pock.constant dense<4.0> : tensor<1xf32>
  %0 = pock.reshape %a : (tensor<2xf32>) -> tensor<2x1xf32>
  %1 = pock.transpose %b {permutation = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %2 = pock.expand %c : (tensor<1xf32>) -> tensor<3xf32>
  return %0, %1, %2 : tensor<2x1xf32>, tensor<4x2xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @merge_transposes(
// CHECK-SAME: %[[X:.+]]: tensor<2x3x4xf32>)
// CHECK-NEXT: pock.transpose %[[X]] {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
func.func @merge_transposes(%x: tensor<2x3x4xf32>) -> tensor<4x2x3xf32> {
  %0 = pock.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = pock.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  return %1 : tensor<4x2x3xf32>
}

// CHECK-LABEL: func.func @transpose_of_unit_dimension(
// CHECK: pock.reshape {{.*}} : (tensor<2x1x4xf32>) -> tensor<2x4x1xf32>
func.func @transpose_of_unit_dimension(%x: tensor<2x1x4xf32>) -> tensor<2x4x1xf32> {
  %0 = pock.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<2x1x4xf32>) -> tensor<2x4x1xf32>
  return %0 : tensor<2x4x1xf32>
}

// CHECK-LABEL: func.func @pow(
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>)
// CHECK-DAG: %[[ONE:.+]] = pock.constant dense<1.000000e+00> : tensor<f32>
// CHECK-DAG: %[[SQUARE:.+]] = pock.mul %[[X]], %[[X]]
// CHECK-DAG: %[[SQRT:.+]] = pock.sqrt %[[X]]
// CHECK-DAG: %[[RSQRT:.+]] = pock.rsqrt %[[X]]
// CHECK-DAG: %[[RECIPROCAL:.+]] = pock.div %[[ONE]], %[[X]]
// CHECK: return %[[X]], %[[SQUARE]], %{{.+}}, %[[SQRT]], %[[RSQRT]], %[[RECIPROCAL]]
func.func @pow(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %c1 = pock.constant dense<1.0> : tensor<f32>
  %c2 = pock.constant dense<2.0> : tensor<f32>
  %c3 = pock.constant dense<3.0> : tensor<4xf32>
  %half = pock.constant dense<0.5> : tensor<f32>
  %minus_half = pock.constant dense<-0.5> : tensor<f32>
  %minus_one = pock.constant dense<-1.0> : tensor<f32>
  %0 = pock.pow %x, %c1 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = pock.pow %x, %c2 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = pock.pow %x, %c3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = pock.pow %x, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %4 = pock.pow %x, %minus_half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %5 = pock.pow %x, %minus_one : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @pow_without_cheaper_form(
// CHECK: pock.pow
func.func @pow_without_cheaper_form(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = pock.constant dense<2.5> : tensor<f32>
  %0 = pock.pow %x, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// No dense gradient of an embedding where another one is dense already.
// CHECK-LABEL: func.func @add_of_scatter(
// CHECK-SAME: %[[X:.+]]: tensor<4x2xf32>, %[[I:.+]]: tensor<3xi64>, %[[U:.+]]: tensor<3x2xf32>)
// CHECK-NEXT: %[[FIRST:.+]] = pock.scatter_add %[[X]], %[[I]], %[[U]] {dim = 0 : i64}
// CHECK-NEXT: %[[BOTH:.+]] = pock.scatter_add %[[FIRST]], %[[I]], %[[U]] {dim = 0 : i64}
// CHECK-NEXT: return %[[BOTH]]
func.func @add_of_scatter(%x: tensor<4x2xf32>, %i: tensor<3xi64>, %u: tensor<3x2xf32>) -> tensor<4x2xf32> {
  %zeros = pock.constant dense<0.0> : tensor<4x2xf32>
  %0 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<4x2xf32>, tensor<3xi64>, tensor<3x2xf32>) -> tensor<4x2xf32>
  %1 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<4x2xf32>, tensor<3xi64>, tensor<3x2xf32>) -> tensor<4x2xf32>
  %2 = pock.add %0, %x : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  %3 = pock.add %2, %1 : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  return %3 : tensor<4x2xf32>
}

// CHECK-LABEL: func.func @add_of_scatter_used_twice(
// CHECK: %[[SCATTER:.+]] = pock.scatter_add
// CHECK: pock.add %{{.+}}, %[[SCATTER]]
func.func @add_of_scatter_used_twice(%x: tensor<4xi64>, %i: tensor<3xi64>, %u: tensor<3xi64>) -> (tensor<4xi64>, tensor<4xi64>) {
  %zeros = pock.constant dense<0> : tensor<4xi64>
  %0 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<4xi64>, tensor<3xi64>, tensor<3xi64>) -> tensor<4xi64>
  %1 = pock.add %x, %0 : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  return %0, %1 : tensor<4xi64>, tensor<4xi64>
}

// CHECK-LABEL: func.func @add_of_scatter_into_ones(
// CHECK: pock.add
func.func @add_of_scatter_into_ones(%x: tensor<4xf32>, %i: tensor<3xi64>, %u: tensor<3xf32>) -> tensor<4xf32> {
  %ones = pock.constant dense<1.0> : tensor<4xf32>
  %0 = pock.scatter_add %ones, %i, %u {dim = 0 : i64} : (tensor<4xf32>, tensor<3xi64>, tensor<3xf32>) -> tensor<4xf32>
  %1 = pock.add %x, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @add_that_broadcasts_to_scatter(
// CHECK: pock.add
func.func @add_that_broadcasts_to_scatter(%x: tensor<f32>, %i: tensor<3xi64>, %u: tensor<3xf32>) -> tensor<4xf32> {
  %zeros = pock.constant dense<0.0> : tensor<4xf32>
  %0 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<4xf32>, tensor<3xi64>, tensor<3xf32>) -> tensor<4xf32>
  %1 = pock.add %x, %0 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @scaled_scatter(
// CHECK-SAME: %[[FACTOR:.+]]: tensor<f32>, %[[I:.+]]: tensor<3xi64>, %[[U:.+]]: tensor<3xf32>)
// CHECK: %[[SCALED:.+]] = pock.mul %[[U]], %[[FACTOR]] : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
// CHECK: %[[SCATTER:.+]] = pock.scatter_add %{{.+}}, %[[I]], %[[SCALED]]
// CHECK-NEXT: return %[[SCATTER]]
func.func @scaled_scatter(%factor: tensor<f32>, %i: tensor<3xi64>, %u: tensor<3xf32>) -> tensor<4xf32> {
  %zeros = pock.constant dense<0.0> : tensor<4xf32>
  %0 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<4xf32>, tensor<3xi64>, tensor<3xf32>) -> tensor<4xf32>
  %1 = pock.mul %factor, %0 : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @scaled_scatter_of_many_updates(
// CHECK: %[[SCATTER:.+]] = pock.scatter_add
// CHECK: pock.mul %[[SCATTER]]
func.func @scaled_scatter_of_many_updates(%factor: tensor<f32>, %i: tensor<5xi64>, %u: tensor<5xf32>) -> tensor<4xf32> {
  %zeros = pock.constant dense<0.0> : tensor<4xf32>
  %0 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<4xf32>, tensor<5xi64>, tensor<5xf32>) -> tensor<4xf32>
  %1 = pock.mul %0, %factor : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @scaled_scatter_used_twice(
// CHECK: %[[SCATTER:.+]] = pock.scatter_add
// CHECK: pock.mul %[[SCATTER]]
func.func @scaled_scatter_used_twice(%factor: tensor<f32>, %i: tensor<3xi64>, %u: tensor<3xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %zeros = pock.constant dense<0.0> : tensor<4xf32>
  %0 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<4xf32>, tensor<3xi64>, tensor<3xf32>) -> tensor<4xf32>
  %1 = pock.mul %0, %factor : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// Only a scalar scales all updates alike.
// CHECK-LABEL: func.func @scatter_times_vector(
// CHECK: %[[SCATTER:.+]] = pock.scatter_add
// CHECK: pock.mul %[[SCATTER]]
func.func @scatter_times_vector(%v: tensor<4xf32>, %i: tensor<3xi64>, %u: tensor<3xf32>) -> tensor<4xf32> {
  %zeros = pock.constant dense<0.0> : tensor<4xf32>
  %0 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<4xf32>, tensor<3xi64>, tensor<3xf32>) -> tensor<4xf32>
  %1 = pock.mul %0, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// A scatter that is broadcast stays: its sum belongs to every row.
// CHECK-LABEL: func.func @add_of_broadcast_scatter(
// CHECK: pock.add
func.func @add_of_broadcast_scatter(%x: tensor<5x4xf32>, %i: tensor<3xi64>, %u: tensor<3x4xf32>) -> tensor<5x4xf32> {
  %zeros = pock.constant dense<0.0> : tensor<1x4xf32>
  %0 = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<1x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<1x4xf32>
  %1 = pock.add %x, %0 : (tensor<5x4xf32>, tensor<1x4xf32>) -> tensor<5x4xf32>
  return %1 : tensor<5x4xf32>
}

// The gradients of three slices of one value.
// CHECK-LABEL: func.func @add_of_pads(
// CHECK-SAME: %[[A:.+]]: tensor<2x4xf32>, %[[B:.+]]: tensor<1x4xf32>, %[[C:.+]]: tensor<2x4xf32>)
// CHECK: %[[ZEROS:.+]] = pock.constant dense<0.000000e+00> : tensor<1x4xf32>
// CHECK: %[[Y:.+]] = pock.concat %[[A]], %[[B]], %[[ZEROS]], %[[C]] {dim = 0 : i64} : {{.*}} -> tensor<6x4xf32>
// CHECK: return %[[Y]]
func.func @add_of_pads(%a: tensor<2x4xf32>, %b: tensor<1x4xf32>, %c: tensor<2x4xf32>) -> tensor<6x4xf32> {
  %0 = pock.pad %c {low = array<i64: 4, 0>, high = array<i64: 0, 0>, interior = array<i64: 0, 0>} : (tensor<2x4xf32>) -> tensor<6x4xf32>
  %1 = pock.pad %b {low = array<i64: 2, 0>, high = array<i64: 3, 0>, interior = array<i64: 0, 0>} : (tensor<1x4xf32>) -> tensor<6x4xf32>
  %2 = pock.pad %a {low = array<i64: 0, 0>, high = array<i64: 4, 0>, interior = array<i64: 0, 0>} : (tensor<2x4xf32>) -> tensor<6x4xf32>
  %3 = pock.add %0, %1 : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>
  %4 = pock.add %3, %2 : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>
  return %4 : tensor<6x4xf32>
}

// Slices that overlap, or padding that is not zero.
// CHECK-LABEL: func.func @add_of_other_pads(
// CHECK-COUNT-2: pock.add
func.func @add_of_other_pads(%a: tensor<2xf32>, %b: tensor<3xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = pock.pad %a {low = array<i64: 0>, high = array<i64: 2>, interior = array<i64: 0>} : (tensor<2xf32>) -> tensor<4xf32>
  %1 = pock.pad %b {low = array<i64: 1>, high = array<i64: 0>, interior = array<i64: 0>} : (tensor<3xf32>) -> tensor<4xf32>
  %2 = pock.add %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = pock.pad %a {low = array<i64: 0>, high = array<i64: 2>, interior = array<i64: 0>, value = 1.0 : f64} : (tensor<2xf32>) -> tensor<4xf32>
  %4 = pock.pad %a {low = array<i64: 2>, high = array<i64: 0>, interior = array<i64: 0>} : (tensor<2xf32>) -> tensor<4xf32>
  %5 = pock.add %3, %4 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2, %5 : tensor<4xf32>, tensor<4xf32>
}

// What never fails, and what fails for the reason of another one.
// CHECK-LABEL: func.func @fail_if(
// CHECK-NEXT: pock.fail_if %arg0 {{.*}}expected = "first"
// CHECK-NEXT: pock.fail_if %arg1 {{.*}}expected = "third"
// CHECK-NEXT: return
func.func @fail_if(%a: tensor<i1>, %b: tensor<i1>) {
  %never = pock.constant dense<false> : tensor<i1>
  pock.fail_if %never {kind = "index", by = "op", expected = "anything"} : tensor<i1>
  pock.fail_if %a {kind = "index", by = "op", expected = "first"} : tensor<i1>
  pock.fail_if %a {kind = "index", by = "op", expected = "second"} : tensor<i1>
  pock.fail_if %b {kind = "index", by = "op", expected = "third"} : tensor<i1>
  return
}
