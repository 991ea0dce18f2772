// RUN: pock-opt %s --pock-group-products --split-input-file | FileCheck %s
// RUN: pock-opt %s --pock-group-products --pock-localize-scratch --split-input-file | FileCheck %s --check-prefix=PANEL

// The left operand has pairs; rows of the right one are interleaved, rounded.

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// CHECK-DAG: #[[$LOW:.+]] = affine_map<(d0, d1) -> (d0 * 2, d1)>
// CHECK-DAG: #[[$HIGH:.+]] = affine_map<(d0, d1) -> (d0 * 2 + 1, d1)>
module attributes {pock.precision = "bf16", pock.target = #pock.target<vector_bytes = 64, l2_bytes = 65536, features = "+avx512bf16,+avx512f,+avx512vl">} {
// CHECK-LABEL: func.func private @linear(
// CHECK-SAME:    %[[X:.+]]: memref<32x64xbf16>, %[[W:.+]]: memref<64x48xf32>, %[[Y:.+]]: memref<32x48xf32>
// CHECK:         %[[XX:.+]] = pock.group_view %[[X]] : memref<32x64xbf16> to memref<32x32xi32>
// CHECK:         %[[WW:.+]] = memref.alloc() : memref<32x48xi32>
// CHECK:         linalg.generic {indexing_maps = [#[[$LOW]], #[[$HIGH]], #{{.+}}], iterator_types = ["parallel", "parallel"]} ins(%[[W]], %[[W]] : {{.*}}) outs(%[[WW]]
// CHECK-NEXT:    ^bb0(%[[A:.+]]: f32, %[[B:.+]]: f32, %{{.+}}: i32):
// CHECK-DAG:       arith.truncf %[[A]] : f32 to bf16
// CHECK-DAG:       arith.truncf %[[B]] : f32 to bf16
// CHECK:           arith.ori
// The sum stays next to the zeros it starts from.
// CHECK:         linalg.generic {{.*}} outs(%[[Y]]
// CHECK-NEXT:    ^bb0
// CHECK-NEXT:      linalg.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    linalg.generic {{.*}} ins(%[[XX]], %[[WW]] : memref<32x32xi32>, memref<32x48xi32>) outs(%[[Y]]
// CHECK-NEXT:    ^bb0(%[[P:.+]]: i32, %[[Q:.+]]: i32, %[[SUM:.+]]: f32):
// CHECK-NEXT:      %[[R:.+]] = pock.dot %[[SUM]], %[[P]], %[[Q]] of bf16, bf16 : f32, i32
// CHECK-NEXT:      linalg.yield %[[R]]
func.func private @linear(%x: memref<32x64xbf16>, %w: memref<64x48xf32>, %y: memref<32x48xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%y : memref<32x48xf32>)
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xbf16>, memref<64x48xf32>) outs(%y : memref<32x48xf32>) {
  ^bb0(%a: bf16, %b: f32, %out: f32):
    %wide = arith.extf %a : bf16 to f32
    %p = arith.mulf %wide, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Both operands are interleaved: in blocks that the cache holds.

#lhs = affine_map<(m, n, k) -> (k, m)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

module attributes {pock.precision = "bf16", pock.target = #pock.target<vector_bytes = 64, l2_bytes = 65536, features = "+avx512bf16,+avx512f,+avx512vl">} {
// CHECK-LABEL: func.func private @weight_gradient(
// CHECK-DAG:     %[[XX:.+]] = memref.alloc() : memref<128x32xi32>
// CHECK-DAG:     %[[GG:.+]] = memref.alloc() : memref<128x32xi32>
// CHECK:         scf.for %[[K:.+]] = %c0{{.*}} to %c768{{.*}} step %c256
// CHECK:           memref.subview %{{.+}}[%[[K]], 0] [256, 32]
// CHECK:           pock.dot
// CHECK:         }
// The rows that fill no block:
// CHECK:         memref.subview %{{.+}}[768, 0] [232, 32]
// CHECK:         memref.subview %[[XX]][0, 0] [116, 32]
// CHECK:         pock.dot
func.func private @weight_gradient(%x: memref<1000x32xbf16>, %g: memref<1000x32xbf16>, %y: memref<32x32xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %g : memref<1000x32xbf16>, memref<1000x32xbf16>) outs(%y : memref<32x32xf32>) {
  ^bb0(%a: bf16, %b: bf16, %out: f32):
    %wa = arith.extf %a : bf16 to f32
    %wb = arith.extf %b : bf16 to f32
    %p = arith.mulf %wa, %wb : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Nothing to do: an odd number of terms, too few rows, everything in f32.

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

module attributes {pock.precision = "bf16", pock.target = #pock.target<vector_bytes = 64, l2_bytes = 65536, features = "+avx512bf16,+avx512f,+avx512vl">} {
// CHECK-LABEL: func.func private @odd(
// CHECK-NOT:     pock.dot
func.func private @odd(%x: memref<32x63xbf16>, %w: memref<63x48xf32>, %y: memref<32x48xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x63xbf16>, memref<63x48xf32>) outs(%y : memref<32x48xf32>) {
  ^bb0(%a: bf16, %b: f32, %out: f32):
    %wide = arith.extf %a : bf16 to f32
    %p = arith.mulf %wide, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}
// CHECK-LABEL: func.func private @few_rows(
// CHECK-NOT:     pock.dot
func.func private @few_rows(%x: memref<8x64xbf16>, %w: memref<64x48xf32>, %y: memref<8x48xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x64xbf16>, memref<64x48xf32>) outs(%y : memref<8x48xf32>) {
  ^bb0(%a: bf16, %b: f32, %out: f32):
    %wide = arith.extf %a : bf16 to f32
    %p = arith.mulf %wide, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}
// CHECK-LABEL: func.func private @wide(
// CHECK-NOT:     pock.dot
func.func private @wide(%x: memref<32x64xf32>, %w: memref<64x48xf32>, %y: memref<32x48xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<32x64xf32>, memref<64x48xf32>) outs(%y : memref<32x48xf32>)
  return
}
}

// -----

// Nor without the instruction, or where f32 must not be rounded.

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

module attributes {pock.precision = "bf16", pock.target = #pock.target<vector_bytes = 64, features = "+avx512f,-avx512bf16">} {
// CHECK-LABEL: func.func private @no_instruction(
// CHECK-NOT:     pock.dot
func.func private @no_instruction(%x: memref<32x64xbf16>, %w: memref<64x48xf32>, %y: memref<32x48xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xbf16>, memref<64x48xf32>) outs(%y : memref<32x48xf32>) {
  ^bb0(%a: bf16, %b: f32, %out: f32):
    %wide = arith.extf %a : bf16 to f32
    %p = arith.mulf %wide, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

module attributes {pock.target = #pock.target<vector_bytes = 64, l2_bytes = 65536, features = "+avx512bf16,+avx512f,+avx512vl">} {
// CHECK-LABEL: func.func private @no_precision(
// CHECK-NOT:     pock.dot
func.func private @no_precision(%x: memref<32x64xbf16>, %w: memref<64x48xf32>, %y: memref<32x48xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xbf16>, memref<64x48xf32>) outs(%y : memref<32x48xf32>) {
  ^bb0(%a: bf16, %b: f32, %out: f32):
    %wide = arith.extf %a : bf16 to f32
    %p = arith.mulf %wide, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// A panel of columns is all that stays of a large copy. (What is seen as pairs
// may be split into images, too, but has only one here.)

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

module attributes {pock.precision = "bf16", pock.target = #pock.target<vector_bytes = 64, l2_bytes = 65536, features = "+avx512bf16,+avx512f,+avx512vl">} {
// CHECK-LABEL: func.func private @panels(
// PANEL-LABEL: func.func private @panels(
// PANEL:         %[[WW:.+]] = memref.alloc() : memref<32x128xi32>
// PANEL:         scf.for %{{.+}} = %c0{{.*}} to %c512{{.*}} step %c128
// PANEL:           pock.dot
func.func private @panels(%x: memref<32x64xbf16>, %w: memref<64x512xf32>, %y: memref<32x512xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xbf16>, memref<64x512xf32>) outs(%y : memref<32x512xf32>) {
  ^bb0(%a: bf16, %b: f32, %out: f32):
    %wide = arith.extf %a : bf16 to f32
    %p = arith.mulf %wide, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Images of what is seen as pairs: the padded copy of one at a time.

#points = affine_map<(b, i, n, t, k) -> (b, i + t, k)>
#taps = affine_map<(b, i, n, t, k) -> (t, k, n)>
#result = affine_map<(b, i, n, t, k) -> (b, i, n)>
#id = affine_map<(b, i, k) -> (b, i, k)>

module attributes {pock.precision = "bf16", pock.target = #pock.target<vector_bytes = 64, l2_bytes = 65536, features = "+avx512bf16,+avx512f,+avx512vl">} {
// PANEL-LABEL: func.func private @images(
// PANEL:         %[[PAD:.+]] = memref.alloc() : memref<1x34x64xbf16>
// PANEL:         scf.for
// PANEL:           %[[PAIRS:.+]] = pock.group_view %[[PAD]] : memref<1x34x64xbf16> to memref<1x34x32xi32>
// PANEL:           linalg.generic {{.*}} ins(%[[PAIRS]],
func.func private @images(%x: memref<8x32x64xbf16>, %w: memref<3x64x48xf32>, %y: memref<8x32x48xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : bf16
  %pad = memref.alloc() : memref<8x34x64xbf16>
  linalg.fill ins(%zero : bf16) outs(%pad : memref<8x34x64xbf16>)
  %inner = memref.subview %pad[0, 1, 0] [8, 32, 64] [1, 1, 1] : memref<8x34x64xbf16> to memref<8x32x64xbf16, strided<[2176, 64, 1], offset: 64>>
  linalg.copy ins(%x : memref<8x32x64xbf16>) outs(%inner : memref<8x32x64xbf16, strided<[2176, 64, 1], offset: 64>>)
  linalg.generic {indexing_maps = [#points, #taps, #result], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%pad, %w : memref<8x34x64xbf16>, memref<3x64x48xf32>) outs(%y : memref<8x32x48xf32>) {
  ^bb0(%a: bf16, %b: f32, %out: f32):
    %wide = arith.extf %a : bf16 to f32
    %p = arith.mulf %wide, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}
}
