// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// CHECK-LABEL: func @reshape
// CHECK-SAME: %[[X:.+]]: tensor<2x6xf32>, %[[OUT:.+]]: tensor<3x4xf32>
// CHECK: %[[FLAT:.+]] = tensor.collapse_shape %[[X]] {{\[}}[0, 1]]
// CHECK: %[[Y:.+]] = tensor.expand_shape %[[FLAT]] {{\[}}[0, 1]] output_shape [3, 4]
// CHECK: linalg.copy ins(%[[Y]] : tensor<3x4xf32>) outs(%[[OUT]] : tensor<3x4xf32>)
func.func @reshape(%x: tensor<2x6xf32>, %out: tensor<3x4xf32>) -> tensor<3x4xf32> attributes {pock.kernel} {
  %y = pock.reshape %x : (tensor<2x6xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

// CHECK-LABEL: func @concat
// CHECK-SAME: %[[A:.+]]: tensor<2x3xi8>, %[[B:.+]]: tensor<2x1xi8>, %[[OUT:.+]]: tensor<2x4xi8>
// CHECK: %[[FIRST:.+]] = tensor.insert_slice %[[A]] into %[[OUT]][0, 0] [2, 3] [1, 1]
// CHECK: tensor.insert_slice %[[B]] into %[[FIRST]][0, 3] [2, 1] [1, 1]
func.func @concat(%a: tensor<2x3xi8>, %b: tensor<2x1xi8>, %out: tensor<2x4xi8>) -> tensor<2x4xi8> attributes {pock.kernel} {
  %y = pock.concat %a, %b {dim = 1 : i64} : (tensor<2x3xi8>, tensor<2x1xi8>) -> tensor<2x4xi8>
  return %y : tensor<2x4xi8>
}

// -----

// CHECK-LABEL: func @pad_interior
// CHECK-SAME: %[[X:.+]]: tensor<3xf32>, %[[OUT:.+]]: tensor<8xf32>
// CHECK: %[[FILLED:.+]] = linalg.fill {{.*}} outs(%[[OUT]] : tensor<8xf32>)
// CHECK: tensor.insert_slice %[[X]] into %[[FILLED]][1] [3] [2]
func.func @pad_interior(%x: tensor<3xf32>, %out: tensor<8xf32>) -> tensor<8xf32> attributes {pock.kernel} {
  %y = pock.pad %x {low = array<i64: 1>, high = array<i64: 2>, interior = array<i64: 1>, value = 1.0 : f64}
      : (tensor<3xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// CHECK-LABEL: func @iota
// CHECK: %[[I:.+]] = linalg.index 1
// CHECK: arith.index_cast %[[I]] : index to i64
func.func @iota(%out: tensor<2x4xi64>) -> tensor<2x4xi64> attributes {pock.kernel} {
  %y = pock.iota {dim = 1 : i64} : () -> tensor<2x4xi64>
  return %y : tensor<2x4xi64>
}

// -----

// CHECK-LABEL: func @sum_keepdim
// CHECK-SAME: %[[X:.+]]: tensor<2x4xf32>, %[[OUT:.+]]: tensor<2x1xf32>
// CHECK: %[[FLAT:.+]] = tensor.collapse_shape %[[OUT]]
// CHECK: %[[INIT:.+]] = linalg.fill {{.*}} outs(%[[FLAT]] : tensor<2xf32>)
// CHECK: %[[SUM:.+]] = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%[[X]] : tensor<2x4xf32>) outs(%[[INIT]] : tensor<2xf32>)
// CHECK: tensor.expand_shape %[[SUM]]
func.func @sum_keepdim(%x: tensor<2x4xf32>, %out: tensor<2x1xf32>) -> tensor<2x1xf32> attributes {pock.kernel} {
  %y = pock.sum %x {dims = array<i64: 1>, keepdim = true} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}

// -----

// CHECK-LABEL: func @mean
// CHECK: arith.addf
// CHECK: linalg.generic
// CHECK: arith.divf %{{.+}}, %{{.+}} : f32
func.func @mean(%x: tensor<2x4xf32>, %out: tensor<f32>) -> tensor<f32> attributes {pock.kernel} {
  %y = pock.mean %x {dims = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

// The first maximum, or the first NaN.
// CHECK-LABEL: func @argmax
// CHECK: arith.maximumf
// CHECK: arith.cmpf oeq
// CHECK: arith.cmpf uno
// CHECK: arith.minsi %{{.+}}, %{{.+}} : i64
func.func @argmax(%x: tensor<2x4xf32>, %out: tensor<2xi64>) -> tensor<2xi64> attributes {pock.kernel} {
  %y = pock.argmax %x {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2xi64>
  return %y : tensor<2xi64>
}

// -----

// Bit k is the entry of number k along the first dimension, which is summed up
// into bytes that begin as 0.
// CHECK-LABEL: func @pack_bits
// CHECK-SAME: %[[M:.+]]: tensor<8x4xi1>, %[[OUT:.+]]: tensor<4xi8>
// CHECK: %[[INIT:.+]] = linalg.fill {{.*}} outs(%[[OUT]] : tensor<4xi8>)
// CHECK: linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[M]] : tensor<8x4xi1>) outs(%[[INIT]] : tensor<4xi8>)
// CHECK: ^bb0(%[[ENTRY:.+]]: i1, %[[BITS:.+]]: i8):
// CHECK: %[[BYTE:.+]] = arith.extui %[[ENTRY]] : i1 to i8
// CHECK: %[[K:.+]] = linalg.index 0
// CHECK: %[[SHIFT:.+]] = arith.index_cast %[[K]] : index to i8
// CHECK: %[[BIT:.+]] = arith.shli %[[BYTE]], %[[SHIFT]]
// CHECK: %[[ALL:.+]] = arith.ori %[[BITS]], %[[BIT]]
// CHECK: linalg.yield %[[ALL]]
func.func @pack_bits(%m: tensor<8x4xi1>, %out: tensor<4xi8>) -> tensor<4xi8> attributes {pock.kernel} {
  %y = pock.pack_bits %m : (tensor<8x4xi1>) -> tensor<4xi8>
  return %y : tensor<4xi8>
}

// -----

// The shift is logical: bit 7 is the sign.
// CHECK-LABEL: func @unpack_bits
// CHECK-SAME: %[[X:.+]]: tensor<4xi8>, %[[OUT:.+]]: tensor<8x4xi1>
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%[[X]] : tensor<4xi8>) outs(%[[OUT]] : tensor<8x4xi1>)
// CHECK: ^bb0(%[[BYTE:.+]]: i8, %{{.+}}: i1):
// CHECK: linalg.index 0
// CHECK: %[[BITS:.+]] = arith.shrui %[[BYTE]], %{{.+}} : i8
// CHECK: arith.trunci %[[BITS]] : i8 to i1
func.func @unpack_bits(%x: tensor<4xi8>, %out: tensor<8x4xi1>) -> tensor<8x4xi1> attributes {pock.kernel} {
  %y = pock.unpack_bits %x : (tensor<4xi8>) -> tensor<8x4xi1>
  return %y : tensor<8x4xi1>
}
