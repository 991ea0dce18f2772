// RUN: pock-opt %s -pock-split-channels -split-input-file | FileCheck %s

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#id = affine_map<(n, y, x, c) -> (n, y, x, c)>
#id3 = affine_map<(c, y, x) -> (c, y, x)>
#pack = affine_map<(y, x, c) -> (c, -y + 2, -x + 2)>
#packed = affine_map<(y, x, c) -> (y, x, c)>
#window = affine_map<(n, y, x, c, ky, kx) -> (n, y + ky, x + kx, c)>
#taps = affine_map<(n, y, x, c, ky, kx) -> (ky, kx, c)>
#point = affine_map<(n, y, x, c, ky, kx) -> (n, y, x, c)>
#scale = affine_map<(n, y, x, c) -> (c)>
#p4 = ["parallel", "parallel", "parallel", "parallel"]
#sum = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]

// A channel at a time: the weight is made for that channel, the plane has no
// border, and the result may overwrite the gradient.

// CHECK: #[[$PACK:.+]] = affine_map<(d0, d1, d2) -> (d2, -d0 + 2, -d1 + 2)>
// CHECK-LABEL: func.func private @gradient(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<16x3x3xi8>, %[[G:[a-z0-9]+]]: memref<1x8x8x16xf32>
// CHECK-SAME:    pock.in_place = 1
// CHECK-DAG:     %[[PLANE:.+]] = memref.alloc() : memref<1x8x8x1xf32>
// CHECK-DAG:     %[[WEIGHT:.+]] = memref.alloc() : memref<3x3x1xf32>
// CHECK-NOT:     memref<{{.*}}16xf32> to memref<1x10
// CHECK:         scf.for %[[C:.+]] = %{{.+}} to %{{.+}} step
// CHECK:           %[[FROM:.+]] = memref.subview %[[G]][0, 0, 0, %[[C]]] [1, 8, 8, 1]
// CHECK:           linalg.generic {{.*}} ins(%[[FROM]] : {{.*}}) outs(%[[PLANE]]
// CHECK:           %[[CHANNEL:.+]] = memref.subview %[[W]][%[[C]], 0, 0] [1, 3, 3]
// CHECK:           linalg.generic {indexing_maps = [#[[$PACK]], {{.*}} ins(%[[CHANNEL]] : {{.*}}) outs(%[[WEIGHT]]
// CHECK:             arith.sitofp
// CHECK:           %[[PADDED:.+]] = pock.padded_view %[[PLANE]] {high = array<i64: 0, 1, 1, 0>, low = array<i64: 0, 1, 1, 0>}
// CHECK:           linalg.generic {{.*}} ins(%[[PADDED]], %[[WEIGHT]] :
// CHECK:           linalg.generic {{.*}} outs(%{{.+}} : memref<1x8x8x1xf32, strided<[1024, 128, 16, 1], offset: ?>>
// CHECK-NOT:     linalg.generic
// CHECK:         return
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @gradient(%w: memref<16x3x3xi8>, %g: memref<1x8x8x16xf32>, %s: memref<16xf32>, %out: memref<1x8x8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %real = memref.alloc() : memref<16x3x3xf32>
  linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%w : memref<16x3x3xi8>) outs(%real : memref<16x3x3xf32>) {
  ^bb0(%a: i8, %b: f32):
    %0 = arith.sitofp %a : i8 to f32
    linalg.yield %0 : f32
  }
  %pad = memref.alloc() : memref<1x10x10x16xf32>
  %top = memref.subview %pad[0, 0, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x1x10x16xf32, strided<[1600, 160, 16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<1x1x10x16xf32, strided<[1600, 160, 16, 1]>>)
  %bottom = memref.subview %pad[0, 9, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>
  linalg.fill ins(%zero : f32) outs(%bottom : memref<1x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>)
  %left = memref.subview %pad[0, 1, 0, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>
  linalg.fill ins(%zero : f32) outs(%left : memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>)
  %right = memref.subview %pad[0, 1, 9, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>
  linalg.fill ins(%zero : f32) outs(%right : memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>)
  %inner = memref.subview %pad[0, 1, 1, 0] [1, 8, 8, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>
  linalg.copy ins(%g : memref<1x8x8x16xf32>) outs(%inner : memref<1x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>)
  %packed = memref.alloc() : memref<3x3x16xf32>
  linalg.generic {indexing_maps = [#pack, #packed], iterator_types = ["parallel", "parallel", "parallel"]} ins(%real : memref<16x3x3xf32>) outs(%packed : memref<3x3x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  %acc = memref.alloc() : memref<1x8x8x16xf32>
  linalg.fill ins(%zero : f32) outs(%acc : memref<1x8x8x16xf32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = #sum} ins(%pad, %packed : memref<1x10x10x16xf32>, memref<3x3x16xf32>) outs(%acc : memref<1x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#id, #scale, #id], iterator_types = #p4} ins(%acc, %s : memref<1x8x8x16xf32>, memref<16xf32>) outs(%out : memref<1x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}
}

// -----

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#id = affine_map<(n, y, x, c) -> (n, y, x, c)>
#id3 = affine_map<(c, y, x) -> (c, y, x)>
#pack = affine_map<(y, x, c) -> (c, -y + 2, -x + 2)>
#packed = affine_map<(y, x, c) -> (y, x, c)>
#window = affine_map<(n, y, x, c, ky, kx) -> (n, y + ky, x + kx, c)>
#taps = affine_map<(n, y, x, c, ky, kx) -> (ky, kx, c)>
#point = affine_map<(n, y, x, c, ky, kx) -> (n, y, x, c)>
#scale = affine_map<(n, y, x, c) -> (c)>
#p4 = ["parallel", "parallel", "parallel", "parallel"]
#sum = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]

// Several images: each has the plane in turn, with one weight for all.

// CHECK-LABEL: func.func private @images(
// CHECK-SAME:    pock.in_place = 1
// CHECK-DAG:     memref.alloc() : memref<1x8x8x1xf32>
// CHECK:         scf.for
// CHECK:           arith.sitofp
// CHECK:           scf.for
// CHECK:             linalg.generic
// CHECK:             pock.padded_view
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @images(%w: memref<16x3x3xi8>, %g: memref<2x8x8x16xf32>, %s: memref<16xf32>, %out: memref<2x8x8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %real = memref.alloc() : memref<16x3x3xf32>
  linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%w : memref<16x3x3xi8>) outs(%real : memref<16x3x3xf32>) {
  ^bb0(%a: i8, %b: f32):
    %0 = arith.sitofp %a : i8 to f32
    linalg.yield %0 : f32
  }
  %pad = memref.alloc() : memref<2x10x10x16xf32>
  %top = memref.subview %pad[0, 0, 0, 0] [2, 1, 10, 16] [1, 1, 1, 1] : memref<2x10x10x16xf32> to memref<2x1x10x16xf32, strided<[1600, 160, 16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<2x1x10x16xf32, strided<[1600, 160, 16, 1]>>)
  %bottom = memref.subview %pad[0, 9, 0, 0] [2, 1, 10, 16] [1, 1, 1, 1] : memref<2x10x10x16xf32> to memref<2x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>
  linalg.fill ins(%zero : f32) outs(%bottom : memref<2x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>)
  %left = memref.subview %pad[0, 1, 0, 0] [2, 8, 1, 16] [1, 1, 1, 1] : memref<2x10x10x16xf32> to memref<2x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>
  linalg.fill ins(%zero : f32) outs(%left : memref<2x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>)
  %right = memref.subview %pad[0, 1, 9, 0] [2, 8, 1, 16] [1, 1, 1, 1] : memref<2x10x10x16xf32> to memref<2x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>
  linalg.fill ins(%zero : f32) outs(%right : memref<2x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>)
  %inner = memref.subview %pad[0, 1, 1, 0] [2, 8, 8, 16] [1, 1, 1, 1] : memref<2x10x10x16xf32> to memref<2x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>
  linalg.copy ins(%g : memref<2x8x8x16xf32>) outs(%inner : memref<2x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>)
  %packed = memref.alloc() : memref<3x3x16xf32>
  linalg.generic {indexing_maps = [#pack, #packed], iterator_types = ["parallel", "parallel", "parallel"]} ins(%real : memref<16x3x3xf32>) outs(%packed : memref<3x3x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  %acc = memref.alloc() : memref<2x8x8x16xf32>
  linalg.fill ins(%zero : f32) outs(%acc : memref<2x8x8x16xf32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = #sum} ins(%pad, %packed : memref<2x10x10x16xf32>, memref<3x3x16xf32>) outs(%acc : memref<2x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#id, #scale, #id], iterator_types = #p4} ins(%acc, %s : memref<2x8x8x16xf32>, memref<16xf32>) outs(%out : memref<2x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}
}

// -----

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#id = affine_map<(n, y, x, c) -> (n, y, x, c)>
#id3 = affine_map<(c, y, x) -> (c, y, x)>
#pack = affine_map<(y, x, c) -> (c, -y + 2, -x + 2)>
#packed = affine_map<(y, x, c) -> (y, x, c)>
#window = affine_map<(n, y, x, c, ky, kx) -> (n, y + ky, x + kx, c)>
#taps = affine_map<(n, y, x, c, ky, kx) -> (ky, kx, c)>
#point = affine_map<(n, y, x, c, ky, kx) -> (n, y, x, c)>
#scale = affine_map<(n, y, x, c) -> (c)>
#p4 = ["parallel", "parallel", "parallel", "parallel"]
#sum = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]

// The operand behind the sum is the gradient itself, which later channels need.

// CHECK-LABEL: func.func private @reads_gradient(
// CHECK-NOT:     pock.in_place
// CHECK:         scf.for
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @reads_gradient(%w: memref<16x3x3xi8>, %g: memref<1x8x8x16xf32>, %out: memref<1x8x8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %real = memref.alloc() : memref<16x3x3xf32>
  linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%w : memref<16x3x3xi8>) outs(%real : memref<16x3x3xf32>) {
  ^bb0(%a: i8, %b: f32):
    %0 = arith.sitofp %a : i8 to f32
    linalg.yield %0 : f32
  }
  %pad = memref.alloc() : memref<1x10x10x16xf32>
  %top = memref.subview %pad[0, 0, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x1x10x16xf32, strided<[1600, 160, 16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<1x1x10x16xf32, strided<[1600, 160, 16, 1]>>)
  %bottom = memref.subview %pad[0, 9, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>
  linalg.fill ins(%zero : f32) outs(%bottom : memref<1x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>)
  %left = memref.subview %pad[0, 1, 0, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>
  linalg.fill ins(%zero : f32) outs(%left : memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>)
  %right = memref.subview %pad[0, 1, 9, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>
  linalg.fill ins(%zero : f32) outs(%right : memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>)
  %inner = memref.subview %pad[0, 1, 1, 0] [1, 8, 8, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>
  linalg.copy ins(%g : memref<1x8x8x16xf32>) outs(%inner : memref<1x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>)
  %packed = memref.alloc() : memref<3x3x16xf32>
  linalg.generic {indexing_maps = [#pack, #packed], iterator_types = ["parallel", "parallel", "parallel"]} ins(%real : memref<16x3x3xf32>) outs(%packed : memref<3x3x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  %acc = memref.alloc() : memref<1x8x8x16xf32>
  linalg.fill ins(%zero : f32) outs(%acc : memref<1x8x8x16xf32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = #sum} ins(%pad, %packed : memref<1x10x10x16xf32>, memref<3x3x16xf32>) outs(%acc : memref<1x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = #p4} ins(%acc, %g : memref<1x8x8x16xf32>, memref<1x8x8x16xf32>) outs(%out : memref<1x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}
}

// -----

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#id = affine_map<(n, y, x, c) -> (n, y, x, c)>
#id3 = affine_map<(c, y, x) -> (c, y, x)>
#pack = affine_map<(y, x, c) -> (c, -y + 2, -x + 2)>
#packed = affine_map<(y, x, c) -> (y, x, c)>
#window = affine_map<(n, y, x, c, ky, kx) -> (n, y + ky, x + kx, c)>
#taps = affine_map<(n, y, x, c, ky, kx) -> (ky, kx, c)>
#point = affine_map<(n, y, x, c, ky, kx) -> (n, y, x, c)>
#scale = affine_map<(n, y, x, c) -> (c)>
#p4 = ["parallel", "parallel", "parallel", "parallel"]
#sum = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]

// An operation that depends on the number of the channel follows for all
// channels.

// CHECK-LABEL: func.func private @numbers_channels(
// CHECK-NOT:     pock.in_place
// CHECK:         scf.for
// CHECK:           pock.padded_view
// CHECK:         linalg.index 3
// CHECK:         return
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @numbers_channels(%w: memref<16x3x3xi8>, %g: memref<1x8x8x16xf32>, %s: memref<16xf32>, %out: memref<1x8x8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %real = memref.alloc() : memref<16x3x3xf32>
  linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%w : memref<16x3x3xi8>) outs(%real : memref<16x3x3xf32>) {
  ^bb0(%a: i8, %b: f32):
    %0 = arith.sitofp %a : i8 to f32
    linalg.yield %0 : f32
  }
  %pad = memref.alloc() : memref<1x10x10x16xf32>
  %top = memref.subview %pad[0, 0, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x1x10x16xf32, strided<[1600, 160, 16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<1x1x10x16xf32, strided<[1600, 160, 16, 1]>>)
  %bottom = memref.subview %pad[0, 9, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>
  linalg.fill ins(%zero : f32) outs(%bottom : memref<1x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>)
  %left = memref.subview %pad[0, 1, 0, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>
  linalg.fill ins(%zero : f32) outs(%left : memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>)
  %right = memref.subview %pad[0, 1, 9, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>
  linalg.fill ins(%zero : f32) outs(%right : memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>)
  %inner = memref.subview %pad[0, 1, 1, 0] [1, 8, 8, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>
  linalg.copy ins(%g : memref<1x8x8x16xf32>) outs(%inner : memref<1x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>)
  %packed = memref.alloc() : memref<3x3x16xf32>
  linalg.generic {indexing_maps = [#pack, #packed], iterator_types = ["parallel", "parallel", "parallel"]} ins(%real : memref<16x3x3xf32>) outs(%packed : memref<3x3x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  %acc = memref.alloc() : memref<1x8x8x16xf32>
  linalg.fill ins(%zero : f32) outs(%acc : memref<1x8x8x16xf32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = #sum} ins(%pad, %packed : memref<1x10x10x16xf32>, memref<3x3x16xf32>) outs(%acc : memref<1x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#id, #scale, #id], iterator_types = #p4} ins(%acc, %s : memref<1x8x8x16xf32>, memref<16xf32>) outs(%out : memref<1x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %i = linalg.index 3 : index
    %k = arith.index_cast %i : index to i32
    %f = arith.sitofp %k : i32 to f32
    %d = arith.mulf %f, %0 : f32
    linalg.yield %d : f32
  }
  return
}
}

// -----

#target = #pock.target<vector_bytes = 64, vector_registers = 32>
#id = affine_map<(n, y, x, c) -> (n, y, x, c)>
#id3 = affine_map<(c, y, x) -> (c, y, x)>
#pack = affine_map<(y, x, c) -> (c, -y + 2, -x + 2)>
#packed = affine_map<(y, x, c) -> (y, x, c)>
#window = affine_map<(n, y, x, c, ky, kx) -> (n, y + ky, x + kx, c)>
#taps = affine_map<(n, y, x, c, ky, kx) -> (ky, kx, c)>
#point = affine_map<(n, y, x, c, ky, kx) -> (n, y, x, c)>
#scale = affine_map<(n, y, x, c) -> (c)>
#p4 = ["parallel", "parallel", "parallel", "parallel"]
#sum = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]

// With vectors, all channels run at once.

// CHECK-LABEL: func.func private @vectors(
// CHECK-NOT:     scf.for
// CHECK:         memref.alloc() : memref<1x10x10x16xf32>
// CHECK:         return
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @vectors(%w: memref<16x3x3xi8>, %g: memref<1x8x8x16xf32>, %s: memref<16xf32>, %out: memref<1x8x8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %real = memref.alloc() : memref<16x3x3xf32>
  linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%w : memref<16x3x3xi8>) outs(%real : memref<16x3x3xf32>) {
  ^bb0(%a: i8, %b: f32):
    %0 = arith.sitofp %a : i8 to f32
    linalg.yield %0 : f32
  }
  %pad = memref.alloc() : memref<1x10x10x16xf32>
  %top = memref.subview %pad[0, 0, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x1x10x16xf32, strided<[1600, 160, 16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<1x1x10x16xf32, strided<[1600, 160, 16, 1]>>)
  %bottom = memref.subview %pad[0, 9, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>
  linalg.fill ins(%zero : f32) outs(%bottom : memref<1x1x10x16xf32, strided<[1600, 160, 16, 1], offset: 1440>>)
  %left = memref.subview %pad[0, 1, 0, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>
  linalg.fill ins(%zero : f32) outs(%left : memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 160>>)
  %right = memref.subview %pad[0, 1, 9, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>
  linalg.fill ins(%zero : f32) outs(%right : memref<1x8x1x16xf32, strided<[1600, 160, 16, 1], offset: 304>>)
  %inner = memref.subview %pad[0, 1, 1, 0] [1, 8, 8, 16] [1, 1, 1, 1] : memref<1x10x10x16xf32> to memref<1x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>
  linalg.copy ins(%g : memref<1x8x8x16xf32>) outs(%inner : memref<1x8x8x16xf32, strided<[1600, 160, 16, 1], offset: 176>>)
  %packed = memref.alloc() : memref<3x3x16xf32>
  linalg.generic {indexing_maps = [#pack, #packed], iterator_types = ["parallel", "parallel", "parallel"]} ins(%real : memref<16x3x3xf32>) outs(%packed : memref<3x3x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  %acc = memref.alloc() : memref<1x8x8x16xf32>
  linalg.fill ins(%zero : f32) outs(%acc : memref<1x8x8x16xf32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = #sum} ins(%pad, %packed : memref<1x10x10x16xf32>, memref<3x3x16xf32>) outs(%acc : memref<1x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#id, #scale, #id], iterator_types = #p4} ins(%acc, %s : memref<1x8x8x16xf32>, memref<16xf32>) outs(%out : memref<1x8x8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  }
  return
}
}

// -----

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>

// Two parts of a transposed convolution read a part of the plane each, and
// write the even and the odd entries.

#id = affine_map<(n, x, c) -> (n, x, c)>
#one = affine_map<(n, x, c, k) -> (n, x + k, c)>
#taps = affine_map<(n, x, c, k) -> (k, c)>
#point = affine_map<(n, x, c, k) -> (n, x, c)>
#sum = ["parallel", "parallel", "parallel", "reduction"]

// CHECK-LABEL: func.func private @parts(
// CHECK-SAME:    %[[G:[a-z0-9]+]]: memref<1x4x16xf32>
// CHECK:         %[[PLANE:.+]] = memref.alloc() : memref<1x4x1xf32>
// CHECK:         scf.for
// CHECK:           linalg.generic {{.*}} outs(%[[PLANE]]
// CHECK:           linalg.generic {{.*}} ins(%[[PLANE]], {{.*}} outs(%{{.+}} : memref<1x4x1xf32, strided<[128, 32, 1], offset: ?>>
// CHECK:           %[[PADDED:.+]] = pock.padded_view %[[PLANE]] {high = array<i64: 0, 1, 0>, low = array<i64: 0, 0, 0>}
// CHECK:           linalg.generic {{.*}} ins(%[[PADDED]], {{.*}} outs(%{{.+}} : memref<1x4x1xf32, strided<[128, 32, 1], offset: ?>>
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @parts(%g: memref<1x4x16xf32>, %even: memref<1x16xf32>, %odd: memref<2x16xf32>, %out: memref<1x8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = memref.alloc() : memref<1x5x16xf32>
  %end = memref.subview %pad[0, 4, 0] [1, 1, 16] [1, 1, 1] : memref<1x5x16xf32> to memref<1x1x16xf32, strided<[80, 16, 1], offset: 64>>
  linalg.fill ins(%zero : f32) outs(%end : memref<1x1x16xf32, strided<[80, 16, 1], offset: 64>>)
  %inner = memref.subview %pad[0, 0, 0] [1, 4, 16] [1, 1, 1] : memref<1x5x16xf32> to memref<1x4x16xf32, strided<[80, 16, 1]>>
  linalg.copy ins(%g : memref<1x4x16xf32>) outs(%inner : memref<1x4x16xf32, strided<[80, 16, 1]>>)
  linalg.fill ins(%zero : f32) outs(%out : memref<1x8x16xf32>)
  %first = memref.subview %pad[0, 0, 0] [1, 4, 16] [1, 1, 1] : memref<1x5x16xf32> to memref<1x4x16xf32, strided<[80, 16, 1]>>
  %evens = memref.subview %out[0, 0, 0] [1, 4, 16] [1, 2, 1] : memref<1x8x16xf32> to memref<1x4x16xf32, strided<[128, 32, 1]>>
  linalg.generic {indexing_maps = [#one, #taps, #point], iterator_types = #sum} ins(%first, %even : memref<1x4x16xf32, strided<[80, 16, 1]>>, memref<1x16xf32>) outs(%evens : memref<1x4x16xf32, strided<[128, 32, 1]>>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  %odds = memref.subview %out[0, 1, 0] [1, 4, 16] [1, 2, 1] : memref<1x8x16xf32> to memref<1x4x16xf32, strided<[128, 32, 1], offset: 16>>
  linalg.generic {indexing_maps = [#one, #taps, #point], iterator_types = #sum} ins(%pad, %odd : memref<1x5x16xf32>, memref<2x16xf32>) outs(%odds : memref<1x4x16xf32, strided<[128, 32, 1], offset: 16>>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
}

// -----

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>

// The entries of a channel are adjacent already.

#in = affine_map<(n, c, x, k) -> (n, c, x + k)>
#taps = affine_map<(n, c, x, k) -> (c, k)>
#point = affine_map<(n, c, x, k) -> (n, c, x)>

// CHECK-LABEL: func.func private @channels_first(
// CHECK-NOT:     scf.for
// CHECK:         return
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @channels_first(%x: memref<1x16x8xf32>, %w: memref<16x3xf32>, %out: memref<1x16x6xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#in, #taps, #point], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w : memref<1x16x8xf32>, memref<16x3xf32>) outs(%out : memref<1x16x6xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
}

// -----

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#pack = affine_map<(y, x, c) -> (c, -y + 2, -x + 2)>
#packed = affine_map<(y, x, c) -> (y, x, c)>
#window = affine_map<(n, y, x, c, ky, kx) -> (n, y + ky, x + kx, c)>
#taps = affine_map<(n, y, x, c, ky, kx) -> (ky, kx, c)>
#point = affine_map<(n, y, x, c, ky, kx) -> (n, y, x, c)>
#sum = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]

// A gradient of 16 bits and bytes.

// CHECK-LABEL: func.func private @narrow_gradient(
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<16x3x3xi8>, %[[G:[a-z0-9]+]]: memref<1x8x8x16xi16>
// CHECK-DAG:     %[[PLANE:.+]] = memref.alloc() : memref<1x8x8x1xi16>
// CHECK:         scf.for %[[C:.+]] = %{{.+}} to %{{.+}} step
// CHECK:           %[[FROM:.+]] = memref.subview %[[G]][0, 0, 0, %[[C]]] [1, 8, 8, 1]
// CHECK:           linalg.generic {{.*}} ins(%[[FROM]] : {{.*}}) outs(%[[PLANE]]
// CHECK:           %[[PADDED:.+]] = pock.padded_view %[[PLANE]] {high = array<i64: 0, 1, 1, 0>, low = array<i64: 0, 1, 1, 0>}
// CHECK:           linalg.generic {{.*}} ins(%[[PADDED]], %{{.+}} :
// CHECK:         return
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @narrow_gradient(%w: memref<16x3x3xi8>, %g: memref<1x8x8x16xi16>, %out: memref<1x8x8x16xi32>) attributes {pock.kernel} {
  %zero = arith.constant 0 : i16
  %none = arith.constant 0 : i32
  %pad = memref.alloc() : memref<1x10x10x16xi16>
  %top = memref.subview %pad[0, 0, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xi16> to memref<1x1x10x16xi16, strided<[1600, 160, 16, 1]>>
  linalg.fill ins(%zero : i16) outs(%top : memref<1x1x10x16xi16, strided<[1600, 160, 16, 1]>>)
  %bottom = memref.subview %pad[0, 9, 0, 0] [1, 1, 10, 16] [1, 1, 1, 1] : memref<1x10x10x16xi16> to memref<1x1x10x16xi16, strided<[1600, 160, 16, 1], offset: 1440>>
  linalg.fill ins(%zero : i16) outs(%bottom : memref<1x1x10x16xi16, strided<[1600, 160, 16, 1], offset: 1440>>)
  %left = memref.subview %pad[0, 1, 0, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xi16> to memref<1x8x1x16xi16, strided<[1600, 160, 16, 1], offset: 160>>
  linalg.fill ins(%zero : i16) outs(%left : memref<1x8x1x16xi16, strided<[1600, 160, 16, 1], offset: 160>>)
  %right = memref.subview %pad[0, 1, 9, 0] [1, 8, 1, 16] [1, 1, 1, 1] : memref<1x10x10x16xi16> to memref<1x8x1x16xi16, strided<[1600, 160, 16, 1], offset: 304>>
  linalg.fill ins(%zero : i16) outs(%right : memref<1x8x1x16xi16, strided<[1600, 160, 16, 1], offset: 304>>)
  %inner = memref.subview %pad[0, 1, 1, 0] [1, 8, 8, 16] [1, 1, 1, 1] : memref<1x10x10x16xi16> to memref<1x8x8x16xi16, strided<[1600, 160, 16, 1], offset: 176>>
  linalg.copy ins(%g : memref<1x8x8x16xi16>) outs(%inner : memref<1x8x8x16xi16, strided<[1600, 160, 16, 1], offset: 176>>)
  %packed = memref.alloc() : memref<3x3x16xi8>
  linalg.generic {indexing_maps = [#pack, #packed], iterator_types = ["parallel", "parallel", "parallel"]} ins(%w : memref<16x3x3xi8>) outs(%packed : memref<3x3x16xi8>) {
  ^bb0(%a: i8, %b: i8):
    linalg.yield %a : i8
  }
  linalg.fill ins(%none : i32) outs(%out : memref<1x8x8x16xi32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = #sum} ins(%pad, %packed : memref<1x10x10x16xi16>, memref<3x3x16xi8>) outs(%out : memref<1x8x8x16xi32>) {
  ^bb0(%a: i16, %b: i8, %c: i32):
    %wa = arith.extsi %a : i16 to i32
    %wb = arith.extsi %b : i8 to i32
    %0 = arith.muli %wa, %wb : i32
    %1 = arith.addi %c, %0 : i32
    linalg.yield %1 : i32
  }
  return
}
}
