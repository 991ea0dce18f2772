// RUN: pock-opt %s --pock-fold-padding --split-input-file | FileCheck %s
// RUN: pock-opt %s --pock-fold-padding=check-taps --split-input-file | FileCheck %s --check-prefix=TAPS

#window = affine_map<(n, y, x, c, ky, kx) -> (n, y * 2 + ky, x + kx, c)>
#taps = affine_map<(n, y, x, c, ky, kx) -> (ky, kx, c)>
#point = affine_map<(n, y, x, c, ky, kx) -> (n, y, x, c)>
#loops = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]

// A depthwise convolution reads its operand: no temporary, no copy.
// CHECK-LABEL: func.func private @depthwise(
// CHECK-SAME:    %[[X:.+]]: memref<2x8x6x16xf32>, %[[W:.+]]: memref<3x3x16xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     linalg.copy
// CHECK:         %[[PADDED:.+]] = pock.padded_view %[[X]] {high = array<i64: 0, 0, 1, 0>, low = array<i64: 0, 1, 1, 0>} : memref<2x8x6x16xf32> to memref<2x9x8x16xf32, strided<[768, 96, 16, 1], offset: ?>>
// CHECK:         linalg.generic {{.*}} ins(%[[PADDED]], %[[W]] :
func.func private @depthwise(%x: memref<2x8x6x16xf32>, %w: memref<3x3x16xf32>, %out: memref<2x4x6x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = memref.alloc() : memref<2x9x8x16xf32>
  %top = memref.subview %pad[0, 0, 0, 0] [2, 1, 8, 16] [1, 1, 1, 1] : memref<2x9x8x16xf32> to memref<2x1x8x16xf32, strided<[1152, 128, 16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<2x1x8x16xf32, strided<[1152, 128, 16, 1]>>)
  %left = memref.subview %pad[0, 1, 0, 0] [2, 8, 1, 16] [1, 1, 1, 1] : memref<2x9x8x16xf32> to memref<2x8x1x16xf32, strided<[1152, 128, 16, 1], offset: 128>>
  linalg.fill ins(%zero : f32) outs(%left : memref<2x8x1x16xf32, strided<[1152, 128, 16, 1], offset: 128>>)
  %right = memref.subview %pad[0, 1, 7, 0] [2, 8, 1, 16] [1, 1, 1, 1] : memref<2x9x8x16xf32> to memref<2x8x1x16xf32, strided<[1152, 128, 16, 1], offset: 240>>
  linalg.fill ins(%zero : f32) outs(%right : memref<2x8x1x16xf32, strided<[1152, 128, 16, 1], offset: 240>>)
  %inner = memref.subview %pad[0, 1, 1, 0] [2, 8, 6, 16] [1, 1, 1, 1] : memref<2x9x8x16xf32> to memref<2x8x6x16xf32, strided<[1152, 128, 16, 1], offset: 144>>
  linalg.copy ins(%x : memref<2x8x6x16xf32>) outs(%inner : memref<2x8x6x16xf32, strided<[1152, 128, 16, 1], offset: 144>>)
  linalg.fill ins(%zero : f32) outs(%out : memref<2x4x6x16xf32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = #loops}
      ins(%pad, %w : memref<2x9x8x16xf32>, memref<3x3x16xf32>) outs(%out : memref<2x4x6x16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}

// -----

#window = affine_map<(x, c, k) -> (x + k, c)>
#point = affine_map<(x, c, k) -> (x, c)>

// A maximum, of which nothing is more than minus infinity.
// CHECK-LABEL: func.func private @maximum(
// CHECK:         pock.padded_view
func.func private @maximum(%x: memref<8x16xf32>, %out: memref<7x16xf32>) attributes {pock.kernel} {
  %least = arith.constant 0xFF800000 : f32
  %pad = memref.alloc() : memref<9x16xf32>
  %top = memref.subview %pad[0, 0] [1, 16] [1, 1] : memref<9x16xf32> to memref<1x16xf32, strided<[16, 1]>>
  linalg.fill ins(%least : f32) outs(%top : memref<1x16xf32, strided<[16, 1]>>)
  %inner = memref.subview %pad[1, 0] [8, 16] [1, 1] : memref<9x16xf32> to memref<8x16xf32, strided<[16, 1], offset: 16>>
  linalg.copy ins(%x : memref<8x16xf32>) outs(%inner : memref<8x16xf32, strided<[16, 1], offset: 16>>)
  linalg.fill ins(%least : f32) outs(%out : memref<7x16xf32>)
  %taps = memref.alloc() : memref<3xf32>
  linalg.generic {indexing_maps = [#window, affine_map<(x, c, k) -> (k)>, #point], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%pad, %taps : memref<9x16xf32>, memref<3xf32>) outs(%out : memref<7x16xf32>) {
  ^bb0(%a: f32, %unused: f32, %most: f32):
    %next = arith.maximumf %most, %a : f32
    linalg.yield %next : f32
  }
  return
}

// -----

#window = affine_map<(x, c, k) -> (x + k, c)>
#point = affine_map<(x, c, k) -> (x, c)>

// A maximum of what is padded with zeros counts the zeros.
// CHECK-LABEL: func.func private @counted(
// CHECK-NOT:     pock.padded_view
// TAPS-LABEL: func.func private @counted(
// TAPS-NOT:     pock.padded_view
func.func private @counted(%x: memref<8x16xf32>, %out: memref<7x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %pad = memref.alloc() : memref<9x16xf32>
  %top = memref.subview %pad[0, 0] [1, 16] [1, 1] : memref<9x16xf32> to memref<1x16xf32, strided<[16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<1x16xf32, strided<[16, 1]>>)
  %inner = memref.subview %pad[1, 0] [8, 16] [1, 1] : memref<9x16xf32> to memref<8x16xf32, strided<[16, 1], offset: 16>>
  linalg.copy ins(%x : memref<8x16xf32>) outs(%inner : memref<8x16xf32, strided<[16, 1], offset: 16>>)
  linalg.fill ins(%least : f32) outs(%out : memref<7x16xf32>)
  %taps = memref.alloc() : memref<3xf32>
  linalg.generic {indexing_maps = [#window, affine_map<(x, c, k) -> (k)>, #point], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%pad, %taps : memref<9x16xf32>, memref<3xf32>) outs(%out : memref<7x16xf32>) {
  ^bb0(%a: f32, %unused: f32, %most: f32):
    %next = arith.maximumf %most, %a : f32
    linalg.yield %next : f32
  }
  return
}

// -----

#window = affine_map<(x, f, k, c) -> (x + k, c)>
#taps = affine_map<(x, f, k, c) -> (k, c, f)>
#point = affine_map<(x, f, k, c) -> (x, f)>

// A sum over channels, too, keeps its copy unless each tap is checked. A source that is written in between always does.
// CHECK-LABEL: func.func private @dense(
// CHECK-NOT:     pock.padded_view
// TAPS-LABEL: func.func private @dense(
// TAPS:         %[[PADDED:.+]] = pock.padded_view
// TAPS:         linalg.generic {{.*}} ins(%[[PADDED]],
func.func private @dense(%x: memref<8x16xf32>, %w: memref<3x16x4xf32>, %out: memref<7x4xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = memref.alloc() : memref<9x16xf32>
  %top = memref.subview %pad[0, 0] [1, 16] [1, 1] : memref<9x16xf32> to memref<1x16xf32, strided<[16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<1x16xf32, strided<[16, 1]>>)
  %inner = memref.subview %pad[1, 0] [8, 16] [1, 1] : memref<9x16xf32> to memref<8x16xf32, strided<[16, 1], offset: 16>>
  linalg.copy ins(%x : memref<8x16xf32>) outs(%inner : memref<8x16xf32, strided<[16, 1], offset: 16>>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%pad, %w : memref<9x16xf32>, memref<3x16x4xf32>) outs(%out : memref<7x4xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}

// -----

#window = affine_map<(x, c, k) -> (x + k, c)>
#taps = affine_map<(x, c, k) -> (k, c)>
#point = affine_map<(x, c, k) -> (x, c)>

// CHECK-LABEL: func.func private @overwritten(
// CHECK-NOT:     pock.padded_view
// TAPS-LABEL: func.func private @overwritten(
// TAPS-NOT:     pock.padded_view
func.func private @overwritten(%x: memref<8x16xf32>, %w: memref<3x16xf32>, %out: memref<7x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = memref.alloc() : memref<9x16xf32>
  %top = memref.subview %pad[0, 0] [1, 16] [1, 1] : memref<9x16xf32> to memref<1x16xf32, strided<[16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<1x16xf32, strided<[16, 1]>>)
  %inner = memref.subview %pad[1, 0] [8, 16] [1, 1] : memref<9x16xf32> to memref<8x16xf32, strided<[16, 1], offset: 16>>
  linalg.copy ins(%x : memref<8x16xf32>) outs(%inner : memref<8x16xf32, strided<[16, 1], offset: 16>>)
  linalg.fill ins(%zero : f32) outs(%x : memref<8x16xf32>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%pad, %w : memref<9x16xf32>, memref<3x16xf32>) outs(%out : memref<7x16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}

// -----

#window = affine_map<(x, f, k, c) -> (x + k, c)>
#taps = affine_map<(x, f, k, c) -> (k, c, f)>
#point = affine_map<(x, f, k, c) -> (x, f)>

// In portable arithmetic, products of a border and of infinite weights are those of other targets.
// TAPS-LABEL: func.func private @portable(
// TAPS-NOT:     pock.padded_view
module attributes {pock.arithmetic = "portable"} {
func.func private @portable(%x: memref<8x16xf32>, %w: memref<3x16x4xf32>, %out: memref<7x4xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = memref.alloc() : memref<9x16xf32>
  %top = memref.subview %pad[0, 0] [1, 16] [1, 1] : memref<9x16xf32> to memref<1x16xf32, strided<[16, 1]>>
  linalg.fill ins(%zero : f32) outs(%top : memref<1x16xf32, strided<[16, 1]>>)
  %inner = memref.subview %pad[1, 0] [8, 16] [1, 1] : memref<9x16xf32> to memref<8x16xf32, strided<[16, 1], offset: 16>>
  linalg.copy ins(%x : memref<8x16xf32>) outs(%inner : memref<8x16xf32, strided<[16, 1], offset: 16>>)
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%pad, %w : memref<9x16xf32>, memref<3x16x4xf32>) outs(%out : memref<7x4xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}
}
