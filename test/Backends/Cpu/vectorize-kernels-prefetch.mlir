// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --cse --split-input-file | FileCheck %s

// Nothing of more than 64 KiB stays in the cache: the next rows of the product's operand, what the sums are added
// to, and where they go, are asked for before they are used.

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, l2_bytes = 65536>} {
// CHECK-LABEL: func.func private @far(
// CHECK-SAME:    %[[X:.+]]: memref<4096x32xf32>, %[[W:.+]]: memref<32x16xf32>, %[[Y:.+]]: memref<4096x16xf32>, %[[OUT:.+]]: memref<4096x16xf32>
// CHECK-DAG:     %[[FLAT_X:.+]] = memref.reinterpret_cast %[[X]]
// CHECK-DAG:     %[[FLAT_Y:.+]] = memref.reinterpret_cast %[[Y]]
// CHECK-DAG:     %[[FLAT_OUT:.+]] = memref.reinterpret_cast %[[OUT]]
// CHECK-NOT:     memref.prefetch %[[W]]
// CHECK:         scf.for
// CHECK:           memref.prefetch %[[FLAT_X]][%{{.+}}], read, locality<2>, data : memref<131072xf32>
// CHECK:           memref.prefetch %[[FLAT_Y]][%{{.+}}], read, locality<3>, data : memref<65536xf32>
// CHECK:           memref.prefetch %[[FLAT_OUT]][%{{.+}}], write, locality<3>, data : memref<65536xf32>
// CHECK:           scf.for
// CHECK:             math.fma
// CHECK-NOT:         memref.prefetch
// CHECK:           vector.store
func.func private @far(%x: memref<4096x32xf32>, %w: memref<32x16xf32>, %y: memref<4096x16xf32>, %out: memref<4096x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<4096x16xf32>)
  linalg.matmul ins(%x, %w : memref<4096x32xf32>, memref<32x16xf32>) outs(%out : memref<4096x16xf32>)
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%y : memref<4096x16xf32>) outs(%out : memref<4096x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %sum = arith.addf %a, %o : f32
    linalg.yield %sum : f32
  }
  return
}
}

// -----

// What the cache holds is left to it.

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, l2_bytes = 1048576>} {
// CHECK-LABEL: func.func private @near(
// CHECK-NOT:     memref.prefetch
func.func private @near(%x: memref<4096x32xf32>, %w: memref<32x16xf32>, %out: memref<4096x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<4096x16xf32>)
  linalg.matmul ins(%x, %w : memref<4096x32xf32>, memref<32x16xf32>) outs(%out : memref<4096x16xf32>)
  return
}
}
