// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" | FileCheck %s

// Neither a division by zero nor one by -1 is left to the instruction, which traps.

// CHECK-LABEL: func @trunc_div(
// CHECK: ^bb0(%[[X:.+]]: i64, %[[Y:.+]]: i64, %{{.+}}: i64):
// CHECK: %[[ZERO:.+]] = arith.cmpi eq, %[[Y]], %{{.+}} : i64
// CHECK: %[[MINUS_ONE:.+]] = arith.cmpi eq, %[[Y]], %{{.+}} : i64
// CHECK: %[[TRAPS:.+]] = arith.ori %[[ZERO]], %[[MINUS_ONE]]
// CHECK: %[[DIVISOR:.+]] = arith.select %[[TRAPS]], %{{.+}}, %[[Y]]
// CHECK: %[[QUOTIENT:.+]] = arith.divsi %[[X]], %[[DIVISOR]]
// CHECK: %[[NEGATED:.+]] = arith.subi %{{.+}}, %[[X]]
// CHECK: arith.select %[[MINUS_ONE]], %[[NEGATED]], %[[QUOTIENT]]
// CHECK: arith.select %[[ZERO]]
func.func @trunc_div(%x: tensor<4xi64>, %y: tensor<4xi64>, %out: tensor<4xi64>) -> tensor<4xi64> attributes {pock.kernel} {
  %0 = pock.trunc_div %x, %y : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// CHECK-LABEL: func @shift_right(
// CHECK: ^bb0(%[[X:.+]]: i8, %[[N:.+]]: i8, %{{.+}}: i8):
// CHECK: %[[WITHIN:.+]] = arith.cmpi ult, %[[N]], %[[LAST:.+]] : i8
// CHECK: %[[COUNT:.+]] = arith.select %[[WITHIN]], %[[N]], %{{.+}}
// CHECK: arith.shrsi %[[X]], %[[COUNT]]
func.func @shift_right(%x: tensor<4xi8>, %n: tensor<4xi8>, %out: tensor<4xi8>) -> tensor<4xi8> attributes {pock.kernel} {
  %0 = pock.shift_right %x, %n : (tensor<4xi8>, tensor<4xi8>) -> tensor<4xi8>
  return %0 : tensor<4xi8>
}

// No integer is less than what the maximum starts from.

// CHECK-LABEL: func @amax(
// CHECK-DAG: arith.constant -9223372036854775808 : i64
// CHECK: arith.maxsi
func.func @amax(%x: tensor<2x4xi64>, %out: tensor<2xi64>) -> tensor<2xi64> attributes {pock.kernel} {
  %0 = pock.amax %x {dims = array<i64: 1>} : (tensor<2x4xi64>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

// What is out of range, NaN included, is the smallest integer.

// CHECK-LABEL: func @float_to_integer(
// CHECK-DAG: %[[SMALLEST:.+]] = arith.constant -2147483648 : i32
// CHECK: %[[ABOVE:.+]] = arith.cmpf oge, %[[X:.+]], %{{.+}} : f32
// CHECK: %[[BELOW:.+]] = arith.cmpf olt, %[[X]], %{{.+}} : f32
// CHECK: %[[WITHIN:.+]] = arith.andi %[[ABOVE]], %[[BELOW]]
// CHECK: %[[INTEGER:.+]] = arith.fptosi %[[X]] : f32 to i32
// CHECK: %[[RESULT:.+]] = arith.select %[[WITHIN]], %[[INTEGER]], %[[SMALLEST]]
// CHECK: arith.trunci %[[RESULT]] : i32 to i8
func.func @float_to_integer(%x: tensor<4xf32>, %out: tensor<4xi8>) -> tensor<4xi8> attributes {pock.kernel} {
  %0 = pock.cast %x : (tensor<4xf32>) -> tensor<4xi8>
  return %0 : tensor<4xi8>
}

// Finite numbers stay finite.

// CHECK-LABEL: func @to_bf16(
// CHECK: %[[BITS:.+]] = arith.bitcast %{{.+}} : f32 to i32
// CHECK: %[[OVERFLOWS:.+]] = arith.cmpi ult
// CHECK: %[[CUT:.+]] = arith.andi %[[BITS]]
// CHECK: %[[KEPT:.+]] = arith.select %[[OVERFLOWS]], %[[CUT]], %[[BITS]]
// CHECK: %[[FINITE:.+]] = arith.bitcast %[[KEPT]] : i32 to f32
// CHECK: arith.truncf %[[FINITE]] : f32 to bf16
func.func @to_bf16(%x: tensor<4xf32>, %out: tensor<4xbf16>) -> tensor<4xbf16> attributes {pock.kernel} {
  %0 = pock.cast %x : (tensor<4xf32>) -> tensor<4xbf16>
  return %0 : tensor<4xbf16>
}
