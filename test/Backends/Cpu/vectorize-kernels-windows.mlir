// RUN: pock-opt %s --pock-vectorize-kernels --split-input-file --canonicalize --cse | FileCheck %s

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

// -----

// A plane of 16 rows on a device with little flash: one loop runs over all
// rows, and computes which taps they have. The columns of a row are a tile.

#plane_window = affine_map<(y, x, ky, kx) -> (y + ky, x + kx)>
#plane_taps = affine_map<(y, x, ky, kx) -> (ky, kx)>
#plane_point = affine_map<(y, x, ky, kx) -> (y, x)>

// CHECK-LABEL:    func.func private @plane(
// CHECK:            scf.for %[[Y:.+]] =
// CHECK:              %[[ABOVE:.+]] = arith.subi %{{.+}}, %[[Y]]
// CHECK:              %[[BEGIN:.+]] = arith.maxsi %[[ABOVE]], %{{.+}} : index
// CHECK:              %[[BELOW:.+]] = arith.subi %{{.+}}, %[[Y]]
// CHECK:              %[[END:.+]] = arith.minsi %[[BELOW]], %{{.+}} : index
// CHECK:              scf.for %{{.+}} = %[[BEGIN]] to %[[END]] step
// CHECK-COUNT-34:       math.fma
// CHECK-NOT:        math.fma
// CHECK:            return
module attributes {pock.arithmetic = "portable", pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>} {
func.func private @plane(%x: memref<16x8xf32>, %w: memref<5x5xf32>, %out: memref<16x8xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = pock.padded_view %x {low = array<i64: 2, 2>, high = array<i64: 2, 2>} : memref<16x8xf32> to memref<20x12xf32, strided<[8, 1], offset: ?>>
  linalg.fill ins(%zero : f32) outs(%out : memref<16x8xf32>)
  linalg.generic {indexing_maps = [#plane_window, #plane_taps, #plane_point], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%pad, %w : memref<20x12xf32, strided<[8, 1], offset: ?>>, memref<5x5xf32>) outs(%out : memref<16x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}
}

// -----

// Also where points are vectors: 16 channels of 8 x 8 points, each with its own
// taps, have one loop over columns.

#channel_window = affine_map<(y, x, c, ky, kx) -> (y + ky, x + kx, c)>
#channel_taps = affine_map<(y, x, c, ky, kx) -> (ky, kx, c)>
#channel_point = affine_map<(y, x, c, ky, kx) -> (y, x, c)>

// CHECK-LABEL:    func.func private @channels(
// CHECK:            arith.maxsi %{{.+}} : index
// CHECK:            arith.minsi %{{.+}} : index
// CHECK:            math.fma {{.*}} : vector<4xf32>
// CHECK-NOT:        math.fma {{.*}} : f32
// CHECK:            return
module attributes {pock.arithmetic = "portable", pock.target = #pock.target<triple = "thumbv8.1m.main-none-eabihf", cpu = "cortex-m55", features = "", index_bits = 32, vector_bytes = 16, vector_registers = 8, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>} {
func.func private @channels(%x: memref<8x8x16xf32>, %w: memref<5x5x16xf32>, %out: memref<8x8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = pock.padded_view %x {low = array<i64: 2, 2, 0>, high = array<i64: 2, 2, 0>} : memref<8x8x16xf32> to memref<12x12x16xf32, strided<[128, 16, 1], offset: ?>>
  linalg.fill ins(%zero : f32) outs(%out : memref<8x8x16xf32>)
  linalg.generic {indexing_maps = [#channel_window, #channel_taps, #channel_point], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%pad, %w : memref<12x12x16xf32, strided<[128, 16, 1], offset: ?>>, memref<5x5x16xf32>) outs(%out : memref<8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}
}
