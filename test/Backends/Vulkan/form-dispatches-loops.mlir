// RUN: pock-opt %s --pock-form-dispatches --canonicalize --split-input-file | FileCheck %s

// The gradient of an embedding: each thread adds one column of all updates, one
// after the other.

#column = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.launch_func @shaders::@scatter blocks
// CHECK-NOT:     gpu.launch_func
// CHECK:         gpu.func @scatter(%[[UPDATES:.+]]: memref<32xf32, {{.+}}>, %[[INDICES:.+]]: memref<8xi64, {{.+}}>, %[[TABLE:.+]]: memref<36xf32, {{.+}}> {pock.written})
// CHECK:           scf.if
// CHECK:             scf.for %[[I:.+]] = %{{.+}} to
// CHECK:               %[[WORD:.+]] = memref.load %[[INDICES]][%[[I]]]
// CHECK:               %[[ROW:.+]] = arith.index_cast %[[WORD]] : i64 to index
// CHECK:               %[[FIRST:.+]] = arith.muli %[[ROW]], %{{.+}} : index
// CHECK:               %[[AT:.+]] = arith.addi %[[FIRST]], %{{.+}} : index
// CHECK:               memref.load %[[TABLE]][%[[AT]]]
// CHECK:               memref.store %{{.+}}, %[[TABLE]]
module {
func.func @step(%indices: memref<8xi64>, %updates: memref<8x4xf32>, %table: memref<9x4xf32>) {
  pock.launch @scatter ins(%indices, %updates : memref<8xi64>, memref<8x4xf32>) outs(%table : memref<9x4xf32>)
  return
}
func.func private @scatter(%indices: memref<8xi64>, %updates: memref<8x4xf32>, %table: memref<9x4xf32>) attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %word = memref.load %indices[%i] : memref<8xi64>
    %at = arith.index_cast %word : i64 to index
    %row = memref.subview %table[%at, 0] [1, 4] [1, 1] : memref<9x4xf32> to memref<4xf32, strided<[1], offset: ?>>
    %update = memref.subview %updates[%i, 0] [1, 4] [1, 1] : memref<8x4xf32> to memref<4xf32, strided<[1], offset: ?>>
    linalg.generic {indexing_maps = [#column, #column], iterator_types = ["parallel"]}
        ins(%update : memref<4xf32, strided<[1], offset: ?>>) outs(%row : memref<4xf32, strided<[1], offset: ?>>) {
    ^bb0(%a: f32, %old: f32):
      %s = arith.addf %old, %a : f32
      linalg.yield %s : f32
    }
  }
  return
}
}
