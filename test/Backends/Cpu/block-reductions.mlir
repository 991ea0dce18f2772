// RUN: pock-opt %s --pock-block-reductions --split-input-file | FileCheck %s

#lhs = affine_map<(c, f, r) -> (r, c)>
#rhs = affine_map<(c, f, r) -> (r, f)>
#out = affine_map<(c, f, r) -> (c, f)>

// Blocks of rows, then the rows that fill no block, on top of the result.

module attributes {pock.target = #pock.target<l2_bytes = 65536>} {
// CHECK-LABEL: func.func private @weight_gradient(
// CHECK-SAME:    %[[X:.+]]: memref<1000x32xf32>, %[[G:.+]]: memref<1000x64xf32>, %[[OUT:.+]]: memref<32x64xf32>
// CHECK:         scf.for %[[R:.+]] = %c0{{.*}} to %c935{{.*}} step %c85
// CHECK:           %[[XB:.+]] = memref.subview %[[X]][%[[R]], 0] [85, 32]
// CHECK:           %[[GB:.+]] = memref.subview %[[G]][%[[R]], 0] [85, 64]
// CHECK:           linalg.generic {{.*}} ins(%[[XB]], %[[GB]] : {{.*}}) outs(%[[OUT]] : memref<32x64xf32>)
// CHECK:         %[[XB:.+]] = memref.subview %[[X]][935, 0] [65, 32]
// CHECK:         linalg.generic
func.func private @weight_gradient(%x: memref<1000x32xf32>, %g: memref<1000x64xf32>, %out: memref<32x64xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %g : memref<1000x32xf32>, memref<1000x64xf32>) outs(%out : memref<32x64xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Four columns: a row is used four times only.

#lhs = affine_map<(c, f, r) -> (r, c)>
#rhs = affine_map<(c, f, r) -> (r, f)>
#out = affine_map<(c, f, r) -> (c, f)>
module attributes {pock.target = #pock.target<l2_bytes = 65536>} {
// CHECK-LABEL: func.func private @narrow(
// CHECK-NOT:     scf.for
func.func private @narrow(%x: memref<1000x32xf32>, %g: memref<1000x4xf32>, %out: memref<32x4xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %g : memref<1000x32xf32>, memref<1000x4xf32>) outs(%out : memref<32x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Fits into the cache.

module attributes {pock.target = #pock.target<l2_bytes = 1048576>} {
// CHECK-LABEL: func.func private @small(
// CHECK-NOT:     scf.for
func.func private @small(%x: memref<512x64xf32>, %w: memref<64x64xf32>, %out: memref<512x64xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<512x64xf32>, memref<64x64xf32>) outs(%out : memref<512x64xf32>)
  return
}
}
