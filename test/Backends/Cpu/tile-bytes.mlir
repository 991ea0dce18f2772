// RUN: split-file %s %t
// RUN: pock-opt %t/product.mlir --pock-tile-bytes | FileCheck %t/product.mlir
// RUN: pock-opt %t/product.mlir --pock-tile-bytes --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=thumbv7em-none-eabihf -mcpu=cortex-m7 | FileCheck %t/product.mlir --check-prefix=ASM
// RUN: pock-opt %t/zero.mlir --pock-tile-bytes | FileCheck %t/zero.mlir
// RUN: pock-opt %t/zero.mlir --pock-tile-bytes --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=thumbv7em-none-eabihf -mcpu=cortex-m7 | FileCheck %t/zero.mlir --check-prefix=ASM
// RUN: pock-opt %t/window.mlir --pock-tile-bytes | FileCheck %t/window.mlir
// RUN: pock-opt %t/vectors.mlir --pock-tile-bytes | FileCheck %t/vectors.mlir
// RUN: pock-opt %t/vectors.mlir --pock-tile-bytes --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=thumbv8.1m.main-none-eabihf -mcpu=cortex-m55 | FileCheck %t/vectors.mlir --check-prefix=ASM
// RUN: pock-opt %t/none.mlir --pock-tile-bytes | FileCheck %t/none.mlir
// RUN: sed 's/"cortex-m55"/"cortex-a7"/; s/thumbv8.1m.main-none-eabihf/armv7a-linux-gnueabihf/' %t/vectors.mlir | pock-opt --pock-tile-bytes | FileCheck %t/none.mlir
// RUN: sed 's/"cortex-m7"/"cortex-m3"/; s/thumbv7em/thumbv7m/' %t/product.mlir | pock-opt --pock-tile-bytes | FileCheck %t/none.mlir

//--- product.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>
#all = affine_map<(m, n) -> (m, n)>
#column = affine_map<(m, n) -> (n)>
#none = affine_map<(m, n) -> ()>

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// The bias is the sum's first value. The last two of ten rows are a tile of
// their own.
// CHECK-LABEL: func.func private @product(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<10x48xi8>, %[[W:[a-z0-9]+]]: memref<16x48xi8>, %[[B:[a-z0-9]+]]: memref<16xi32>,
// CHECK:         %[[PANEL:.+]] = memref.alloc() : memref<96xi32>
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             %[[WORD:.+]] = pock.load_word
// CHECK:             pock.widen_bytes %[[WORD]]
// CHECK:             pock.widen_bytes %[[WORD]] odd
// CHECK:           scf.for
// CHECK:             %[[BIAS:.+]] = memref.load %[[B]]
// CHECK:             pock.dot_quads %[[PANEL]][%{{.+}}], %{{.+}}[%{{.+}}] from(%[[BIAS]], %[[BIAS]], %[[BIAS]], %[[BIAS]]) {terms = 48 : i64}
// CHECK-COUNT-4:     memref.store {{.+}} : memref<160xi8>
// CHECK:         pock.dot_quads {{.+}} -> i32, i32
// CHECK-NOT:     linalg
// ASM-LABEL: pock_kernel_product:
// ASM:         sxtb16
// ASM:         sxtb16 {{.+}}, ror #8
// ASM:         ldm{{.*}}!, {r4, r5, r6, r8}
// ASM:         smlad
// ASM:         smmulr
// ASM:         ssat
func.func private @product(%x: memref<10x48xi8>, %w: memref<16x48xi8>, %b: memref<16xi32>, %m: memref<16xi32>, %y: memref<10x16xi8>) attributes {pock.kernel} {
  %zero = arith.constant 0 : i32
  %half = arith.constant 2147483648 : i64
  %places = arith.constant 32 : i64
  %least = arith.constant -128 : i32
  %most = arith.constant 127 : i32
  %sum = memref.alloc() : memref<10x16xi32>
  linalg.fill ins(%zero : i32) outs(%sum : memref<10x16xi32>)
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<10x48xi8>, memref<16x48xi8>) outs(%sum : memref<10x16xi32>) {
  ^bb0(%p: i8, %q: i8, %out: i32):
    %wp = arith.extsi %p : i8 to i32
    %wq = arith.extsi %q : i8 to i32
    %product = arith.muli %wp, %wq : i32
    %s = arith.addi %out, %product : i32
    linalg.yield %s : i32
  }
  linalg.generic {indexing_maps = [#all, #column, #column, #all], iterator_types = ["parallel", "parallel"]}
      ins(%sum, %b, %m : memref<10x16xi32>, memref<16xi32>, memref<16xi32>) outs(%y : memref<10x16xi8>) {
  ^bb0(%acc: i32, %bias: i32, %mul: i32, %out: i8):
    %s = arith.addi %acc, %bias : i32
    %ws = arith.extsi %s : i32 to i64
    %wm = arith.extsi %mul : i32 to i64
    %product = arith.muli %ws, %wm : i64
    %rounded = arith.addi %product, %half : i64
    %high = arith.shrui %rounded, %places : i64
    %v = arith.trunci %high : i64 to i32
    %low = arith.maxsi %v, %least : i32
    %in = arith.minsi %low, %most : i32
    %r = arith.trunci %in : i32 to i8
    linalg.yield %r : i8
  }
  return
}
}

//--- zero.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// Widening subtracts the zero point of the input.
// CHECK-LABEL: func.func private @zero(
// CHECK:         pock.widen_bytes %{{.+}} {zero = -100 : i64}
// CHECK:         pock.widen_bytes %{{.+}} odd {zero = -100 : i64}
// CHECK-NOT:     linalg
// ASM-LABEL: pock_kernel_zero:
// ASM-NOT:     sxtb16
// ASM:         sxtab16
// ASM:         sxtab16 {{.+}}, ror #8
func.func private @zero(%x: memref<4x48xi8>, %w: memref<16x48xi8>, %y: memref<4x16xi32>) attributes {pock.kernel} {
  %zero = arith.constant 0 : i32
  %point = arith.constant -100 : i32
  linalg.fill ins(%zero : i32) outs(%y : memref<4x16xi32>)
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<4x48xi8>, memref<16x48xi8>) outs(%y : memref<4x16xi32>) {
  ^bb0(%p: i8, %q: i8, %out: i32):
    %wp = arith.extsi %p : i8 to i32
    %moved = arith.subi %wp, %point : i32
    %wq = arith.extsi %q : i8 to i32
    %product = arith.muli %moved, %wq : i32
    %s = arith.addi %out, %product : i32
    linalg.yield %s : i32
  }
  return
}
}

//--- window.mlir

#in = affine_map<(n, i, j, f, k, l, c) -> (n, i + k, j + l, c)>
#filter = affine_map<(n, i, j, f, k, l, c) -> (f, k, l, c)>
#out = affine_map<(n, i, j, f, k, l, c) -> (n, i, j, f)>

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", index_bits = 32, vector_bytes = 0>} {
// What a point reads is gathered; on the border, entry by entry. The padded copy
// is gone.
// CHECK-LABEL: func.func private @window(
// CHECK-NOT:     memref<1x8x8x3xi8>
// CHECK:         %[[PATCH:.+]] = memref.alloc() : memref<112xi8>
// CHECK:         memref.alloc() : memref<56xi32>
// CHECK:         arith.divui
// CHECK:         scf.if
// CHECK:         memref.store %c-3_i8, %[[PATCH]]
// CHECK:         pock.load_word %[[PATCH]][%{{.+}}] {bytes = 3 : i64}
// CHECK:         pock.dot_quads {{.+}} {terms = 27 : i64}
func.func private @window(%x: memref<1x6x6x3xi8>, %w: memref<4x3x3x3xi8>, %y: memref<1x6x6x4xi32>) attributes {pock.kernel} {
  %zero = arith.constant 0 : i32
  %border = arith.constant -3 : i8
  %pad = memref.alloc() : memref<1x8x8x3xi8>
  %top = memref.subview %pad[0, 0, 0, 0] [1, 1, 8, 3] [1, 1, 1, 1] : memref<1x8x8x3xi8> to memref<1x1x8x3xi8, strided<[192, 24, 3, 1]>>
  linalg.fill ins(%border : i8) outs(%top : memref<1x1x8x3xi8, strided<[192, 24, 3, 1]>>)
  %bottom = memref.subview %pad[0, 7, 0, 0] [1, 1, 8, 3] [1, 1, 1, 1] : memref<1x8x8x3xi8> to memref<1x1x8x3xi8, strided<[192, 24, 3, 1], offset: 168>>
  linalg.fill ins(%border : i8) outs(%bottom : memref<1x1x8x3xi8, strided<[192, 24, 3, 1], offset: 168>>)
  %left = memref.subview %pad[0, 1, 0, 0] [1, 6, 1, 3] [1, 1, 1, 1] : memref<1x8x8x3xi8> to memref<1x6x1x3xi8, strided<[192, 24, 3, 1], offset: 24>>
  linalg.fill ins(%border : i8) outs(%left : memref<1x6x1x3xi8, strided<[192, 24, 3, 1], offset: 24>>)
  %right = memref.subview %pad[0, 1, 7, 0] [1, 6, 1, 3] [1, 1, 1, 1] : memref<1x8x8x3xi8> to memref<1x6x1x3xi8, strided<[192, 24, 3, 1], offset: 45>>
  linalg.fill ins(%border : i8) outs(%right : memref<1x6x1x3xi8, strided<[192, 24, 3, 1], offset: 45>>)
  %inside = memref.subview %pad[0, 1, 1, 0] [1, 6, 6, 3] [1, 1, 1, 1] : memref<1x8x8x3xi8> to memref<1x6x6x3xi8, strided<[192, 24, 3, 1], offset: 27>>
  linalg.copy ins(%x : memref<1x6x6x3xi8>) outs(%inside : memref<1x6x6x3xi8, strided<[192, 24, 3, 1], offset: 27>>)
  linalg.fill ins(%zero : i32) outs(%y : memref<1x6x6x4xi32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%pad, %w : memref<1x8x8x3xi8>, memref<4x3x3x3xi8>) outs(%y : memref<1x6x6x4xi32>) {
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

//--- vectors.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>

module attributes {pock.target = #pock.target<triple = "thumbv8.1m.main-none-eabihf", cpu = "cortex-m55", index_bits = 32, vector_bytes = 16>} {
// Rows of bytes are multiplied where they are: 27 terms are a vector and the
// first 11 lanes of another one. The zero point times the sum of the weights is
// computed once per channel.
// CHECK-LABEL: func.func private @tail(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<4x27xi8>, %[[W:[a-z0-9]+]]: memref<6x27xi8>,
// CHECK:         %[[CORRECTIONS:.+]] = memref.alloc() : memref<6xi32>
// CHECK:         scf.for
// CHECK:           %[[ONES:.+]] = arith.constant dense<1> : vector<16xi8>
// CHECK:           pock.dot_lanes %{{.+}}, %[[ONES]], %{{.+}} : vector<16xi8>
// CHECK:           %[[FIRST:.+]] = arith.constant dense<[{{(true, ){11}(false, ){4}false}}]> : vector<16xi1>
// CHECK:           vector.maskedload %{{.+}}, %[[FIRST]], %{{.+}}
// CHECK:           pock.dot_lanes
// CHECK:           %[[CORRECTION:.+]] = arith.muli %{{.+}}, %c100_i32
// CHECK:           memref.store %[[CORRECTION]], %[[CORRECTIONS]]
// CHECK:         scf.for
// CHECK:           vector.load
// CHECK:           memref.load %[[CORRECTIONS]]
// CHECK-COUNT-4:   pock.dot_lanes
// CHECK:           vector.maskedload
// CHECK-COUNT-4:   pock.dot_lanes
// CHECK-NOT:     linalg
// ASM-LABEL: pock_kernel_tail:
// ASM:         vmlava.s8
// ASM:         vldrbt.u8
// ASM:         vmlava.s8
func.func private @tail(%x: memref<4x27xi8>, %w: memref<6x27xi8>, %y: memref<4x6xi32>) attributes {pock.kernel} {
  %point = arith.constant -100 : i32
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<4x27xi8>, memref<6x27xi8>) outs(%y : memref<4x6xi32>) {
  ^bb0(%p: i8, %q: i8, %out: i32):
    %wp = arith.extsi %p : i8 to i32
    %moved = arith.subi %wp, %point : i32
    %wq = arith.extsi %q : i8 to i32
    %product = arith.muli %moved, %wq : i32
    %s = arith.addi %out, %product : i32
    linalg.yield %s : i32
  }
  return
}

// Half a vector is widened, which needs no mask. Rows of one vector are loaded
// once for all channels.
// CHECK-LABEL: func.func private @half(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<4x8xi8>
// CHECK-COUNT-4: arith.extsi %{{.+}} : vector<8xi8> to vector<8xi16>
// CHECK:         scf.for
// CHECK:           arith.extsi %{{.+}} : vector<8xi8> to vector<8xi16>
// CHECK-COUNT-4:   pock.dot_lanes {{.+}} : vector<8xi16>
// CHECK-NOT:     linalg
// ASM-LABEL: pock_kernel_half:
// ASM:         vldrb.s16
// ASM:         vmlava.s16
func.func private @half(%x: memref<4x8xi8>, %w: memref<6x8xi8>, %y: memref<4x6xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<4x8xi8>, memref<6x8xi8>) outs(%y : memref<4x6xi32>) {
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

//--- none.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>

// Unsigned bytes are none of this pass; nor are processors without the
// instructions, or with other vectors.
// CHECK-NOT: pock.dot_
// CHECK:     linalg.generic
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
func.func private @unsigned(%x: memref<8x48xi8>, %w: memref<16x48xi8>, %y: memref<8x16xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x48xi8>, memref<16x48xi8>) outs(%y : memref<8x16xi32>) {
  ^bb0(%p: i8, %q: i8, %out: i32):
    %wp = arith.extui %p : i8 to i32
    %wq = arith.extsi %q : i8 to i32
    %product = arith.muli %wp, %wq : i32
    %s = arith.addi %out, %product : i32
    linalg.yield %s : i32
  }
  return
}
}
