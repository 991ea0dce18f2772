// RUN: pock-opt %s --pass-pipeline='builtin.module(func.func(pock-repeat-elementwise))' | FileCheck %s

// The distance from the mean, of which a sum and something elementwise are read.

// CHECK-LABEL: func.func @distance(
// CHECK-SAME:    %[[X:.+]]: tensor<64x32xf32>, %[[SCALE:.+]]: tensor<32xf32>
// CHECK:         %[[MEAN:.+]] = pock.mean %[[X]]
// CHECK:         %[[D1:.+]] = pock.sub %[[X]], %[[MEAN]]
// CHECK:         %[[SQUARE:.+]] = pock.mul %[[D1]], %[[D1]]
// CHECK:         pock.mean %[[SQUARE]]
// CHECK:         %[[D2:.+]] = pock.sub %[[X]], %[[MEAN]]
// CHECK:         pock.mul %[[D2]], %[[SCALE]]
// CHECK-NOT:     pock.sub
func.func @distance(%x: tensor<64x32xf32>, %scale: tensor<32xf32>) -> (tensor<32xf32>, tensor<64x32xf32>) {
  %mean = pock.mean %x {dims = array<i64: 0>} : (tensor<64x32xf32>) -> tensor<32xf32>
  %d = pock.sub %x, %mean : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32>
  %square = pock.mul %d, %d : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %variance = pock.mean %square {dims = array<i64: 0>} : (tensor<64x32xf32>) -> tensor<32xf32>
  %y = pock.mul %d, %scale : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32>
  return %variance, %y : tensor<32xf32>, tensor<64x32xf32>
}

// A chain goes along, the last op first.

// CHECK-LABEL: func.func @chain(
// CHECK-SAME:    %[[X:.+]]: tensor<64x32xf32>, %[[M:.+]]: tensor<32xf32>, %[[S:.+]]: tensor<32xf32>
// CHECK-DAG:     %[[D1:.+]] = pock.sub %[[X]], %[[M]]
// CHECK-DAG:     %[[Z1:.+]] = pock.mul %[[D1]], %[[S]]
// CHECK-DAG:     pock.sum %[[Z1]]
// CHECK-DAG:     %[[D2:.+]] = pock.sub %[[X]], %[[M]]
// CHECK-DAG:     pock.sum %[[D2]]
// CHECK-DAG:     %[[D3:.+]] = pock.sub %[[X]], %[[M]]
// CHECK-DAG:     %[[Z2:.+]] = pock.mul %[[D3]], %[[S]]
// CHECK-DAG:     pock.exp %[[Z2]]
// CHECK:         return
func.func @chain(%x: tensor<64x32xf32>, %m: tensor<32xf32>, %s: tensor<32xf32>) -> (tensor<32xf32>, tensor<64x32xf32>) {
  %d = pock.sub %x, %m : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32>
  %z = pock.mul %d, %s : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32>
  %sum = pock.sum %z {dims = array<i64: 0>} : (tensor<64x32xf32>) -> tensor<32xf32>
  %dsum = pock.sum %d {dims = array<i64: 0>} : (tensor<64x32xf32>) -> tensor<32xf32>
  %all = pock.add %sum, %dsum : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  %y = pock.exp %z : (tensor<64x32xf32>) -> tensor<64x32xf32>
  return %all, %y : tensor<32xf32>, tensor<64x32xf32>
}

// Stored anyway: a reader needs the whole, or the result is returned.

// CHECK-LABEL: func.func @whole(
// CHECK:         pock.sub
// CHECK-NOT:     pock.sub
// CHECK:         return
func.func @whole(%x: tensor<64x32xf32>, %m: tensor<32xf32>, %w: tensor<32x8xf32>) -> (tensor<32xf32>, tensor<64x8xf32>) {
  %d = pock.sub %x, %m : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32>
  %sum = pock.sum %d {dims = array<i64: 0>} : (tensor<64x32xf32>) -> tensor<32xf32>
  %y = pock.matmul %d, %w : (tensor<64x32xf32>, tensor<32x8xf32>) -> tensor<64x8xf32>
  return %sum, %y : tensor<32xf32>, tensor<64x8xf32>
}

// Not worth it: two large operands, an expensive op, an operand that only this
// op reads (its kernel makes the result instead), and one kernel for all readers.

// CHECK-LABEL: func.func @costly(
// CHECK-COUNT-1: pock.sub
// CHECK-COUNT-1: pock.exp
// CHECK-COUNT-1: pock.add
// CHECK-COUNT-1: pock.maximum
// CHECK:         return
func.func @costly(%x: tensor<64x32xf32>, %z: tensor<64x32xf32>, %m: tensor<32xf32>, %w: tensor<8x32xf32>, %v: tensor<64x8xf32>)
    -> (tensor<32xf32>, tensor<64xf32>, tensor<32xf32>, tensor<64xf32>, tensor<32xf32>, tensor<64xf32>, tensor<64x32xf32>) {
  %d = pock.sub %x, %z : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %d0 = pock.sum %d {dims = array<i64: 0>} : (tensor<64x32xf32>) -> tensor<32xf32>
  %d1 = pock.sum %d {dims = array<i64: 1>} : (tensor<64x32xf32>) -> tensor<64xf32>
  %e = pock.exp %x : (tensor<64x32xf32>) -> tensor<64x32xf32>
  %e0 = pock.sum %e {dims = array<i64: 0>} : (tensor<64x32xf32>) -> tensor<32xf32>
  %e1 = pock.sum %e {dims = array<i64: 1>} : (tensor<64x32xf32>) -> tensor<64xf32>
  %p = pock.matmul %v, %w : (tensor<64x8xf32>, tensor<8x32xf32>) -> tensor<64x32xf32>
  %a = pock.add %p, %m : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32>
  %a0 = pock.sum %a {dims = array<i64: 0>} : (tensor<64x32xf32>) -> tensor<32xf32>
  %a1 = pock.sum %a {dims = array<i64: 1>} : (tensor<64x32xf32>) -> tensor<64xf32>
  %q = pock.maximum %x, %m : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xf32>
  %q2 = pock.mul %q, %q : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %q3 = pock.mul %q2, %q : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  return %d0, %d1, %e0, %e1, %a0, %a1, %q3 : tensor<32xf32>, tensor<64xf32>, tensor<32xf32>, tensor<64xf32>, tensor<32xf32>, tensor<64xf32>, tensor<64x32xf32>
}
