// RUN: pock-opt %s --pass-pipeline='builtin.module(func.func(convert-pock-to-linalg))' | FileCheck %s

// A power of two shifts, without numbers of 64 bits: 2 * zero + 1 is added before
// the last place is shifted out.
// CHECK-LABEL: func.func @shift(
// CHECK-NOT:     arith.muli
// CHECK:         %[[DOWN:.+]] = arith.shrsi %{{.+}}, %c13_i32{{.*}} : i32
// CHECK:         %[[SUM:.+]] = arith.addi %[[DOWN]], %c11_i32{{.*}} : i32
// CHECK:         arith.shrsi %[[SUM]], %c1_i32{{.*}} : i32
func.func @shift(%acc: tensor<4xi32>, %out: tensor<4xi8>) -> tensor<4xi8> attributes {pock.kernel} {
  %m = pock.constant dense<262144> : tensor<i32>
  %y = pock.requantize %acc, %m {zero_point = 5 : i64} : (tensor<4xi32>, tensor<i32>) -> tensor<4xi8>
  return %y : tensor<4xi8>
}

// CHECK-LABEL: func.func @multiply(
// CHECK:         arith.muli %{{.+}}, %{{.+}} : i64
func.func @multiply(%acc: tensor<4xi32>, %out: tensor<4xi8>) -> tensor<4xi8> attributes {pock.kernel} {
  %m = pock.constant dense<262145> : tensor<i32>
  %y = pock.requantize %acc, %m {zero_point = 5 : i64} : (tensor<4xi32>, tensor<i32>) -> tensor<4xi8>
  return %y : tensor<4xi8>
}
