// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// One slice after the other, from an index that is clamped: nothing outside is read.
// CHECK-LABEL: func @take
// CHECK-SAME: %[[X:.+]]: tensor<10x4xf32>, %[[I:.+]]: tensor<6xi32>, %[[OUT:.+]]: tensor<6x4xf32>
// CHECK-DAG: %[[INTO:.+]] = tensor.expand_shape %[[OUT]] {{.*}} into tensor<1x6x4xf32>
// CHECK-DAG: %[[FROM:.+]] = tensor.expand_shape %[[X]] {{.*}} into tensor<1x10x4xf32>
// CHECK-DAG: %[[FIRST:.+]] = arith.constant 0 : i32
// CHECK-DAG: %[[LAST:.+]] = arith.constant 9 : i32
// CHECK-DAG: %[[COUNT:.+]] = arith.constant 6 : index
// CHECK: scf.for %[[AT:[a-z0-9]+]] = %{{.+}} to %[[COUNT]] step %{{.+}} iter_args(%[[TAKEN:[a-z0-9]+]] = %[[INTO]])
// CHECK: %[[RAW:.+]] = tensor.extract %[[I]][%[[AT]]]
// CHECK: %[[LOW:.+]] = arith.maxsi %[[RAW]], %[[FIRST]]
// CHECK: %[[INSIDE:.+]] = arith.minsi %[[LOW]], %[[LAST]]
// CHECK: %[[ROW:.+]] = arith.index_cast %[[INSIDE]]
// CHECK: %[[SLICE:.+]] = tensor.extract_slice %[[FROM]][0, %[[ROW]], 0] [1, 1, 4]
// CHECK: tensor.insert_slice %[[SLICE]] into %[[TAKEN]][0, %[[AT]], 0] [1, 1, 4]
// CHECK-NOT: linalg.copy
func.func @take(%x: tensor<10x4xf32>, %i: tensor<6xi32>, %out: tensor<6x4xf32>) -> tensor<6x4xf32> attributes {pock.kernel} {
  %y = pock.take %x, %i {dim = 0 : i64} : (tensor<10x4xf32>, tensor<6xi32>) -> tensor<6x4xf32>
  return %y : tensor<6x4xf32>
}

// -----

// One index along an inner dimension: a slice of every outer entry.
// CHECK-LABEL: func @take_one_of_inner_dimension
// CHECK-NOT: scf.for
// CHECK: tensor.extract_slice %{{.+}}[0, %{{.+}}, 0] [2, 1, 4]
func.func @take_one_of_inner_dimension(%x: tensor<2x10x4xf32>, %i: tensor<i64>, %out: tensor<2x4xf32>)
    -> tensor<2x4xf32> attributes {pock.kernel} {
  %y = pock.take %x, %i {dim = 1 : i64} : (tensor<2x10x4xf32>, tensor<i64>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// The out holds the tensor first, then each sum in place.
// CHECK-LABEL: func @scatter_add
// CHECK-SAME: %[[X:.+]]: tensor<10x4xf32>, %[[I:.+]]: tensor<3xi64>, %[[U:.+]]: tensor<3x4xf32>, %[[OUT:.+]]: tensor<10x4xf32>
// CHECK-DAG: %[[INTO:.+]] = tensor.expand_shape %[[OUT]]
// CHECK-DAG: %[[LAST:.+]] = arith.constant 9 : i64
// CHECK-DAG: %[[DEST:.+]] = tensor.expand_shape %[[X]]
// CHECK-DAG: %[[UPDATES:.+]] = tensor.expand_shape %[[U]]
// CHECK: %[[COPY:.+]] = linalg.copy ins(%[[DEST]] {{.*}} outs(%[[INTO]]
// CHECK: scf.for %[[AT:[a-z0-9]+]] = {{.*}} iter_args(%[[SUM:[a-z0-9]+]] = %[[COPY]])
// CHECK: arith.minsi %{{.+}}, %[[LAST]]
// CHECK: %[[ROW:.+]] = arith.index_cast
// CHECK-DAG: %[[UPDATE:.+]] = tensor.extract_slice %[[UPDATES]][0, %[[AT]], 0]
// CHECK-DAG: %[[OLD:.+]] = tensor.extract_slice %[[SUM]][0, %[[ROW]], 0]
// CHECK: %[[NEW:.+]] = linalg.generic {{.*}} ins(%[[UPDATE]] {{.*}} outs(%[[OLD]]
// CHECK: arith.addf
// CHECK: tensor.insert_slice %[[NEW]] into %[[SUM]][0, %[[ROW]], 0]
func.func @scatter_add(%x: tensor<10x4xf32>, %i: tensor<3xi64>, %u: tensor<3x4xf32>, %out: tensor<10x4xf32>)
    -> tensor<10x4xf32> attributes {pock.kernel} {
  %y = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
  return %y : tensor<10x4xf32>
}

// -----

// Zeros are filled in: no constant in memory.
// CHECK-LABEL: func @scatter_add_into_zeros
// CHECK-NOT: dense
// CHECK: linalg.fill
// CHECK: scf.for
// CHECK: arith.addi
func.func @scatter_add_into_zeros(%i: tensor<3xi64>, %u: tensor<3x4xi64>, %out: tensor<10x4xi64>)
    -> tensor<10x4xi64> attributes {pock.kernel} {
  %zeros = pock.constant dense<0> : tensor<10x4xi64>
  %y = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<10x4xi64>, tensor<3xi64>, tensor<3x4xi64>) -> tensor<10x4xi64>
  return %y : tensor<10x4xi64>
}

// -----

// The sum so far is carried along, each one is written to the out.
// CHECK-LABEL: func @cumsum
// CHECK-SAME: %[[X:.+]]: tensor<2x4x3xi64>, %[[OUT:.+]]: tensor<2x4x3xi64>
// CHECK: %[[ZERO:.+]] = linalg.fill {{.*}} -> tensor<2x1x3xi64>
// CHECK: %[[SUMS:.+]]:2 = scf.for %[[AT:[a-z0-9]+]] = {{.*}} iter_args(%[[DONE:[a-z0-9]+]] = %[[OUT]], %[[SUM:[a-z0-9]+]] = %[[ZERO]])
// CHECK: %[[ENTRY:.+]] = tensor.extract_slice %[[X]][0, %[[AT]], 0] [2, 1, 3]
// CHECK: %[[NEXT:.+]] = linalg.generic {{.*}} ins(%[[ENTRY]] {{.*}} outs(%[[SUM]]
// CHECK: arith.addi
// CHECK: %[[MORE:.+]] = tensor.insert_slice %[[NEXT]] into %[[DONE]][0, %[[AT]], 0] [2, 1, 3]
// CHECK: scf.yield %[[MORE]], %[[NEXT]]
// CHECK: return %[[SUMS]]#0
func.func @cumsum(%x: tensor<2x4x3xi64>, %out: tensor<2x4x3xi64>) -> tensor<2x4x3xi64> attributes {pock.kernel} {
  %y = pock.cumsum %x {dim = 1 : i64} : (tensor<2x4x3xi64>) -> tensor<2x4x3xi64>
  return %y : tensor<2x4x3xi64>
}

// -----

// CHECK-LABEL: func @cumsum_reverse
// CHECK: %[[LAST:.+]] = arith.constant 3 : index
// CHECK: scf.for %[[I:[a-z0-9]+]] =
// CHECK: %[[AT:.+]] = arith.subi %[[LAST]], %[[I]]
// CHECK: tensor.extract_slice %{{.+}}[0, %[[AT]], 0]
// CHECK: tensor.insert_slice %{{.+}} into %{{.+}}[0, %[[AT]], 0]
func.func @cumsum_reverse(%x: tensor<4xf32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %y = pock.cumsum %x {dim = 0 : i64, reverse = true} : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// Two reshapes lie between the loop and the out: it still fills the out.
// CHECK-LABEL: func @take_matrix_of_indices
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: tensor<2x3x4xf32>)
// CHECK: %[[FLAT:.+]] = tensor.collapse_shape %[[OUT]]
// CHECK: %[[INTO:.+]] = tensor.expand_shape %[[FLAT]]
// CHECK: scf.for {{.*}} iter_args(%{{.+}} = %[[INTO]])
// CHECK-NOT: linalg.copy
func.func @take_matrix_of_indices(%x: tensor<10x4xf32>, %i: tensor<2x3xi64>, %out: tensor<2x3x4xf32>)
    -> tensor<2x3x4xf32> attributes {pock.kernel} {
  %y = pock.take %x, %i {dim = 0 : i64} : (tensor<10x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

// The update of an embedding's rows in place: nothing else is touched.
// CHECK-LABEL: func @scatter_add_in_place
// CHECK-NOT: linalg.copy
// CHECK-NOT: tensor.empty
// CHECK: scf.for
// CHECK-NOT: linalg.copy
func.func @scatter_add_in_place(%i: tensor<3xi64>, %u: tensor<3x4xf32>, %w: tensor<1000x4xf32>)
    -> tensor<1000x4xf32> attributes {pock.kernel} {
  %y = pock.scatter_add %w, %i, %u {dim = 0 : i64} : (tensor<1000x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<1000x4xf32>
  return %y : tensor<1000x4xf32>
}
