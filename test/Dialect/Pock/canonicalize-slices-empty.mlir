// RUN: pock-opt %s --canonicalize="disable-patterns=pock-empty" | FileCheck %s

// Ahead of differentiation, where what is empty stays: a slice of nothing of a dimension of
// size one moves to the operand, which is not broadcast along it.
// CHECK-LABEL: func.func @nothing_of_one(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<2x1xf32>, %[[S:[a-z0-9]+]]: tensor<f32>
// CHECK: %[[PART:.+]] = pock.slice %[[X]] {{.*}} -> tensor<2x0xf32>
// CHECK: pock.mul %[[PART]], %[[S]]
func.func @nothing_of_one(%x: tensor<2x1xf32>, %s: tensor<f32>) -> tensor<2x0xf32> {
  %0 = pock.mul %x, %s : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %1 = pock.slice %0 {starts = array<i64: 0, 0>, limits = array<i64: 2, 0>, strides = array<i64: 1, 1>} : (tensor<2x1xf32>) -> tensor<2x0xf32>
  return %1 : tensor<2x0xf32>
}
