// RUN: pock-opt %s --pock-fuse-byte-layers --pock-depthwise-bytes | FileCheck %s
// RUN: sed 's/vector_bytes = 0/vector_bytes = 16/' %s | pock-opt --pock-fuse-byte-layers | FileCheck %s --check-prefix=NONE

// NONE-NOT: pock.dot

#in = affine_map<(n, i, j, c, k, l) -> (n, i + k, j + l, c)>
#filter = affine_map<(n, i, j, c, k, l) -> (c, k, l)>
#out = affine_map<(n, i, j, c, k, l) -> (n, i, j, c)>
#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#product = affine_map<(m, n, k) -> (m, n)>
#all = affine_map<(m, n) -> (m, n)>

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// A product and the depthwise convolution that reads it: planes of three
// channels, as their number is a multiple of three.
// CHECK-LABEL: func.func private @fused(
// CHECK-NOT:     memref<48x9xi8>
// CHECK:         memref.alloc() : memref<144xi16>
// CHECK:         pock.dot_quads
// CHECK:         pock.dot
// CHECK-NOT:     linalg
func.func private @fused(%x: memref<48x8xi8>, %v: memref<9x8xi8>, %w: memref<9x3x3xi8>, %y: memref<1x4x6x9xi32>) attributes {pock.kernel} {
  %zero = arith.constant 0 : i32
  %sum = memref.alloc() : memref<48x9xi32>
  %t = memref.alloc() : memref<48x9xi8>
  linalg.fill ins(%zero : i32) outs(%sum : memref<48x9xi32>)
  linalg.generic {indexing_maps = [#lhs, #rhs, #product], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : memref<48x8xi8>, memref<9x8xi8>) outs(%sum : memref<48x9xi32>) {
  ^bb0(%p: i8, %q: i8, %out: i32):
    %wp = arith.extsi %p : i8 to i32
    %wq = arith.extsi %q : i8 to i32
    %product = arith.muli %wp, %wq : i32
    %s = arith.addi %out, %product : i32
    linalg.yield %s : i32
  }
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%sum : memref<48x9xi32>) outs(%t : memref<48x9xi8>) {
  ^bb0(%acc: i32, %out: i8):
    %r = arith.trunci %acc : i32 to i8
    linalg.yield %r : i8
  }
  %image = memref.expand_shape %t [[0, 1, 2], [3]] output_shape [1, 6, 8, 9] : memref<48x9xi8> into memref<1x6x8x9xi8>
  linalg.fill ins(%zero : i32) outs(%y : memref<1x4x6x9xi32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%image, %w : memref<1x6x8x9xi8>, memref<9x3x3xi8>) outs(%y : memref<1x4x6x9xi32>) {
  ^bb0(%p: i8, %q: i8, %out: i32):
    %wp = arith.extsi %p : i8 to i32
    %wq = arith.extsi %q : i8 to i32
    %product = arith.muli %wp, %wq : i32
    %s = arith.addi %out, %product : i32
    linalg.yield %s : i32
  }
  return
}
}
