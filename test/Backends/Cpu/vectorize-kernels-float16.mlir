// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --cse --split-input-file | FileCheck %s

// Sums of f16 have eight lanes, and so has what follows on their tiles in f32.

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>
#point = affine_map<(m, n) -> (m, n)>

// CHECK-LABEL: func.func private @product(
// CHECK:         math.fma {{.*}} : vector<8xf16>
// CHECK:         arith.extf {{.*}} : vector<8xf16> to vector<8xf32>
// CHECK:         arith.mulf {{.*}} : vector<8xf32>
module attributes {pock.arithmetic = "portable", pock.target = #pock.target<triple = "thumbv8.1m.main-none-eabihf", cpu = "cortex-m55", features = "", index_bits = 32, vector_bytes = 16, vector_registers = 8, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>} {
func.func private @product(%g: memref<16x64xf16>, %w: memref<64x48xf16>, %sum: memref<16x48xf16>, %scale: f32, %out: memref<16x48xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%g, %w : memref<16x64xf16>, memref<64x48xf16>) outs(%sum : memref<16x48xf16>) {
  ^bb0(%a: f16, %b: f16, %o: f16):
    %p = arith.mulf %a, %b : f16
    %s = arith.addf %o, %p : f16
    linalg.yield %s : f16
  }
  linalg.generic {indexing_maps = [#point, #point], iterator_types = ["parallel", "parallel"]}
      ins(%sum : memref<16x48xf16>) outs(%out : memref<16x48xf32>) {
  ^bb0(%a: f16, %o: f32):
    %r = arith.extf %a : f16 to f32
    %s = arith.mulf %r, %scale : f32
    linalg.yield %s : f32
  }
  return
}
}
