// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// 'pock.tile' is of the nest with the most work: the product, not the sum, whose tile the cost model chooses.

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32>} {
// CHECK-LABEL:   func.func private @tuned(
// CHECK-NOT:       pock.tile
// CHECK:           scf.for
// CHECK-COUNT-10:  math.fma {{.*}} : vector<16xf32>
// CHECK-NOT:       math.fma
// CHECK:           scf.yield
// CHECK:           arith.addf {{.*}} : vector<16xf32>
func.func private @tuned(%x: memref<12x64xf32>, %w: memref<64x32xf32>, %y: memref<48xf32>, %sum: memref<f32>, %out: memref<12x32xf32>)
    attributes {pock.kernel, pock.tile = array<i64: 5, 2>} {
  linalg.matmul ins(%x, %w : memref<12x64xf32>, memref<64x32xf32>) outs(%out : memref<12x32xf32>)
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%y : memref<48xf32>) outs(%sum : memref<f32>) {
  ^bb0(%a: f32, %o: f32):
    %add = arith.addf %a, %o : f32
    linalg.yield %add : f32
  }
  return
}
}

// -----

// The cost model chooses where no schedule has the tile.

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32>} {
// CHECK-LABEL: func.func private @impossible(
// CHECK:         math.fma {{.*}} : vector<16xf32>
// expected-warning @below {{ignores 'pock.tile' of kernel 'impossible': no schedule has 30 rows of 2 vectors}}
func.func private @impossible(%x: memref<12x64xf32>, %w: memref<64x32xf32>, %out: memref<12x32xf32>)
    attributes {pock.kernel, pock.tile = array<i64: 30, 2>} {
  linalg.matmul ins(%x, %w : memref<12x64xf32>, memref<64x32xf32>) outs(%out : memref<12x32xf32>)
  return
}
}

// -----

// expected-error @below {{expected 'pock.tile' to be 'array<i64: rows, vectors>', both positive, but got array<i64: 3>}}
func.func private @malformed(%x: memref<12xf32>) attributes {pock.kernel, pock.tile = array<i64: 3>} {
  return
}
