// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --split-input-file | FileCheck %s

// A sum without parallel loops is vectors, unless its order is kept: then it is
// one accumulator, in the order of the loop.

// CHECK-LABEL: func.func private @fast(
// CHECK:         vector
module attributes {pock.target = #pock.target<vector_bytes = 32>} {
func.func private @fast(%x: memref<256xf32>, %out: memref<f32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<256xf32>) outs(%out : memref<f32>) {
  ^bb0(%v: f32, %o: f32):
    %s = arith.addf %o, %v : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// CHECK-LABEL: func.func private @portable(
// CHECK-NOT:     vector
// CHECK:         %[[START:.+]] = memref.load
// CHECK:         scf.for {{.*}} iter_args(%[[SUM:.+]] = %[[START]]) -> (f32)
// CHECK:           arith.addf %[[SUM]], %{{.+}} : f32
module attributes {pock.target = #pock.target<vector_bytes = 32>, pock.arithmetic = "portable"} {
func.func private @portable(%x: memref<256xf32>, %out: memref<f32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<256xf32>) outs(%out : memref<f32>) {
  ^bb0(%v: f32, %o: f32):
    %s = arith.addf %o, %v : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Along a parallel loop, vectors keep the order of every sum.

// CHECK-LABEL: func.func private @rows(
// CHECK:         scf.for
// CHECK:           math.fma {{.*}} : vector<8xf32>
// CHECK-NOT:     vector.extract
module attributes {pock.target = #pock.target<vector_bytes = 32>, pock.arithmetic = "portable"} {
func.func private @rows(%a: memref<4x256xf32>, %b: memref<256x8xf32>, %out: memref<4x8xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%a, %b : memref<4x256xf32>, memref<256x8xf32>) outs(%out : memref<4x8xf32>)
  return
}
}

// -----

// The largest of integers is the same in any order.

// CHECK-LABEL: func.func private @largest(
// CHECK:         arith.maxsi {{.*}} : vector<8xi32>
// CHECK:         arith.maxsi {{.*}} : vector<4xi32>
module attributes {pock.target = #pock.target<vector_bytes = 32>, pock.arithmetic = "portable"} {
func.func private @largest(%x: memref<256xi32>, %out: memref<i32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<256xi32>) outs(%out : memref<i32>) {
  ^bb0(%v: i32, %o: i32):
    %s = arith.maxsi %o, %v : i32
    linalg.yield %s : i32
  }
  return
}
}
