// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// What happens once needs no loop. Bufferization refuses a loop that yields something else than
// what it is given, and a body that writes all of a tensor does.

// CHECK-LABEL: func @take_one
// CHECK-SAME: %[[X:.+]]: tensor<10x4xf32>
// CHECK-NOT: scf.for
// CHECK: tensor.extract_slice %{{.+}}[0, %{{.+}}, 0] [1, 1, 4]
func.func @take_one(%x: tensor<10x4xf32>, %i: tensor<1xi64>, %out: tensor<1x4xf32>) -> tensor<1x4xf32> attributes {pock.kernel} {
  %y = pock.take %x, %i {dim = 0 : i64} : (tensor<10x4xf32>, tensor<1xi64>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// CHECK-LABEL: func @scatter_add_one
// CHECK-NOT: scf.for
// CHECK: %[[OLD:.+]] = tensor.extract_slice %{{.+}}[0, %[[AT:.+]], 0] [1, 1, 4]
// CHECK: %[[SUM:.+]] = linalg.generic {{.*}} outs(%[[OLD]] :
// CHECK: tensor.insert_slice %[[SUM]] into %{{.+}}[0, %[[AT]], 0] [1, 1, 4]
func.func @scatter_add_one(%x: tensor<10x4xf32>, %i: tensor<i64>, %u: tensor<4xf32>, %out: tensor<10x4xf32>)
    -> tensor<10x4xf32> attributes {pock.kernel} {
  %y = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<i64>, tensor<4xf32>) -> tensor<10x4xf32>
  return %y : tensor<10x4xf32>
}

// -----

// A table of one row: the update is all of it.
// CHECK-LABEL: func @scatter_add_one_of_one
// CHECK-NOT: scf.for
// CHECK-NOT: tensor.insert_slice
// CHECK: arith.addf
func.func @scatter_add_one_of_one(%x: tensor<1x4xf32>, %i: tensor<1xi64>, %u: tensor<1x4xf32>, %out: tensor<1x4xf32>)
    -> tensor<1x4xf32> attributes {pock.kernel} {
  %y = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<1x4xf32>, tensor<1xi64>, tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// CHECK-LABEL: func @scatter_add_of_one_row
// CHECK: scf.for
// CHECK: arith.addf
func.func @scatter_add_of_one_row(%x: tensor<1x4xf32>, %i: tensor<3xi64>, %u: tensor<3x4xf32>, %out: tensor<1x4xf32>)
    -> tensor<1x4xf32> attributes {pock.kernel} {
  %y = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<1x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// CHECK-LABEL: func @cumsum_of_one
// CHECK-NOT: scf.for
// CHECK: arith.addf
func.func @cumsum_of_one(%x: tensor<2x1x3xf32>, %out: tensor<2x1x3xf32>) -> tensor<2x1x3xf32> attributes {pock.kernel} {
  %y = pock.cumsum %x {dim = 1 : i64} : (tensor<2x1x3xf32>) -> tensor<2x1x3xf32>
  return %y : tensor<2x1x3xf32>
}

// -----

// CHECK-LABEL: func @attention_of_one_matrix
// CHECK-NOT: scf.for
// CHECK-NOT: tensor.insert_slice
// CHECK: return
func.func @attention_of_one_matrix(%x: tensor<1x1x3x4xf32>, %out: tensor<1x1x3x4xf32>) -> tensor<1x1x3x4xf32> attributes {pock.kernel} {
  %o, %lse = pock.attention %x, %x, %x : (tensor<1x1x3x4xf32>, tensor<1x1x3x4xf32>, tensor<1x1x3x4xf32>) -> (tensor<1x1x3x4xf32>, tensor<1x1x3x1xf32>)
  return %o : tensor<1x1x3x4xf32>
}
