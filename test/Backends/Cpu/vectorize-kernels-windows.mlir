// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --cse | FileCheck %s

// Three taps over eight points with a border of one: at either end one tap is left out, so there are 2 + 6 * 3 + 2 products.

#window = affine_map<(x, c, k) -> (x + k, c)>
#taps = affine_map<(x, c, k) -> (k, c)>
#point = affine_map<(x, c, k) -> (x, c)>

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32>} {
// CHECK-LABEL:    func.func private @depthwise(
// CHECK-COUNT-22:   math.fma {{.*}} : vector<16xf32>
// CHECK-NOT:        math.fma
// CHECK-NOT:        pock.padded_view
func.func private @depthwise(%x: memref<8x16xf32>, %w: memref<3x16xf32>, %out: memref<8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = pock.padded_view %x {low = array<i64: 1, 0>, high = array<i64: 1, 0>} : memref<8x16xf32> to memref<10x16xf32, strided<[16, 1], offset: ?>>
  linalg.fill ins(%zero : f32) outs(%out : memref<8x16xf32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%pad, %w : memref<10x16xf32, strided<[16, 1], offset: ?>>, memref<3x16xf32>) outs(%out : memref<8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}
}
