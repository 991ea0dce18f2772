// RUN: pock-opt %s --pock-split-sums --split-input-file | FileCheck %s

#xy = affine_map<(i, j) -> (j, i)>
#y = affine_map<(i, j) -> (i)>

// Eight points of 65536 terms: eight parts of each are work for 64 workgroups.
// The sum of the parts is added to what was there.

// CHECK-DAG:   #[[$IN:.+]] = affine_map<(d0, d1, d2) -> (d0, d2, d1)>
// CHECK-DAG:   #[[$PART:.+]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG:   #[[$PARTS:.+]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-DAG:   #[[$POINT:.+]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func private @bias(
// CHECK-SAME:    %[[X:.+]]: memref<65536x8xf32>, %[[Y:.+]]: memref<8xf32>
// CHECK-DAG:     %[[DIVIDED:.+]] = memref.expand_shape %[[X]] {{\[\[}}0, 1], [2]] output_shape [8, 8192, 8]
// CHECK-DAG:     %[[SUMS:.+]] = memref.alloc() : memref<8x8xf32>
// CHECK:         linalg.fill ins(%{{.+}} : f32) outs(%[[SUMS]] : memref<8x8xf32>)
// CHECK:         linalg.generic {indexing_maps = [#[[$IN]], #[[$PART]]], iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[DIVIDED]] : memref<8x8192x8xf32>) outs(%[[SUMS]] : memref<8x8xf32>)
// CHECK:           arith.addf
// CHECK:         linalg.generic {indexing_maps = [#[[$PARTS]], #[[$POINT]]], iterator_types = ["parallel", "reduction"]} ins(%[[SUMS]] : memref<8x8xf32>) outs(%[[Y]] : memref<8xf32>)
// CHECK:         ^bb0(%[[SUM:.+]]: f32, %[[OLD:.+]]: f32):
// CHECK:           arith.addf %[[OLD]], %[[SUM]] : f32
func.func private @bias(%x: memref<65536x8xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#xy, #y], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<65536x8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %old: f32):
    %sum = arith.addf %old, %a : f32
    linalg.yield %sum : f32
  }
  return
}

// -----

// A product, whose named operation becomes a generic one. On devices with more
// workgroups there are more parts.

// CHECK-LABEL: func.func private @product(
// CHECK:         %[[SUMS:.+]] = memref.alloc() : memref<4x16x16xf32>
// CHECK:         linalg.generic
// CHECK:           arith.mulf
// CHECK:         linalg.generic {{.*}} ins(%[[SUMS]] :
module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan", cpu = "nvidia">} {
func.func private @product(%x: memref<16x8192xf32>, %w: memref<8192x16xf32>, %y: memref<16x16xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<16x8192xf32>, memref<8192x16xf32>) outs(%y : memref<16x16xf32>)
  return
}
}

// -----

#xy = affine_map<(i, j) -> (j, i)>
#y = affine_map<(i, j) -> (i)>
#row = affine_map<(j) -> (j)>
#none = affine_map<(j) -> ()>

// Few terms; many points; terms with an order; a length without a divisor.

// CHECK-LABEL: func.func private @few(
// CHECK-NOT:     memref.alloc
// CHECK-LABEL: func.func private @many(
// CHECK-NOT:     memref.alloc
// CHECK-LABEL: func.func private @ordered(
// CHECK-NOT:     memref.alloc
// CHECK-LABEL: func.func private @prime(
// CHECK-NOT:     memref.alloc
// CHECK:         return
func.func private @few(%x: memref<1024x8xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#xy, #y], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<1024x8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %old: f32):
    %sum = arith.addf %old, %a : f32
    linalg.yield %sum : f32
  }
  return
}
func.func private @many(%x: memref<65536x64xf32>, %y: memref<64xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#xy, #y], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<65536x64xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %old: f32):
    %sum = arith.addf %old, %a : f32
    linalg.yield %sum : f32
  }
  return
}
func.func private @ordered(%x: memref<65536xf32>, %y: memref<f32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#row, #none], iterator_types = ["reduction"]}
      ins(%x : memref<65536xf32>) outs(%y : memref<f32>) {
  ^bb0(%a: f32, %old: f32):
    %square = arith.mulf %old, %old : f32
    %sum = arith.addf %square, %a : f32
    linalg.yield %sum : f32
  }
  return
}
func.func private @prime(%x: memref<65537xf32>, %y: memref<f32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#row, #none], iterator_types = ["reduction"]}
      ins(%x : memref<65537xf32>) outs(%y : memref<f32>) {
  ^bb0(%a: f32, %old: f32):
    %sum = arith.addf %old, %a : f32
    linalg.yield %sum : f32
  }
  return
}

// -----

#row = affine_map<(j) -> (j)>
#none = affine_map<(j) -> ()>

// Portable arithmetic has the order of all targets.

// CHECK-LABEL: func.func private @portable(
// CHECK-NOT:     memref.alloc
module attributes {pock.arithmetic = "portable"} {
func.func private @portable(%x: memref<65536xf32>, %y: memref<f32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#row, #none], iterator_types = ["reduction"]}
      ins(%x : memref<65536xf32>) outs(%y : memref<f32>) {
  ^bb0(%a: f32, %old: f32):
    %sum = arith.addf %old, %a : f32
    linalg.yield %sum : f32
  }
  return
}
}
