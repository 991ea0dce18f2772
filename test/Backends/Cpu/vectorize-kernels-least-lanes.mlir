// RUN: pock-opt %s --pock-vectorize-kernels --split-input-file | FileCheck %s

// Seven points are a vector of four, one of two, and one more; but Helium, the
// vectors of 32-bit processors, has none of 64 bits.

#id = affine_map<(i) -> (i)>
// CHECK-LABEL: func.func private @sizes(
// CHECK:         arith.addf {{.*}} : vector<4xf32>
// CHECK:         arith.addf {{.*}} : vector<2xf32>
// CHECK:         arith.addf {{.*}} : f32
// CHECK-NOT:     arith.addf
module attributes {pock.target = #pock.target<vector_bytes = 16>} {
func.func private @sizes(%x: memref<7xf32>, %out: memref<7xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<7xf32>) outs(%out : memref<7xf32>) {
  ^bb0(%v: f32, %o: f32):
    %s = arith.addf %v, %v : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

#id = affine_map<(i) -> (i)>
// CHECK-LABEL: func.func private @helium(
// CHECK:         arith.addf {{.*}} : vector<4xf32>
// CHECK-NOT:     vector<2xf32>
// CHECK-COUNT-3: arith.addf {{.*}} : f32
// CHECK-NOT:     arith.addf
module attributes {pock.target = #pock.target<vector_bytes = 16, index_bits = 32, vector_registers = 8>} {
func.func private @helium(%x: memref<7xf32>, %out: memref<7xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<7xf32>) outs(%out : memref<7xf32>) {
  ^bb0(%v: f32, %o: f32):
    %s = arith.addf %v, %v : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

#id = affine_map<(i) -> (i)>
// CHECK-LABEL: func.func private @labels(
// CHECK-NOT:     vector
module attributes {pock.target = #pock.target<vector_bytes = 16, index_bits = 32, vector_registers = 8>} {
func.func private @labels(%x: memref<8xi64>, %out: memref<8xi64>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<8xi64>) outs(%out : memref<8xi64>) {
  ^bb0(%v: i64, %o: i64):
    %s = arith.addi %v, %v : i64
    linalg.yield %s : i64
  }
  return
}
}
