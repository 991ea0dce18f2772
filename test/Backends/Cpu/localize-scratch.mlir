// RUN: pock-opt %s --pock-localize-scratch="min-bytes=0" --canonicalize --split-input-file | FileCheck %s

// The padded input shrinks to one image; the relu behind the product goes along,
// the packed weights stay before the loop.

// CHECK-LABEL: func.func private @padded(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<4x6xf32>, %[[W:[a-z0-9]+]]: memref<3xf32>, %[[OUT:[a-z0-9]+]]: memref<4x6xf32>
// CHECK:         %[[PAD:.+]] = memref.alloc() : memref<1x8xf32>
// CHECK-NOT:     memref<4x8xf32>
// CHECK:         scf.for %[[N:.+]] =
// CHECK-DAG:       memref.subview %[[X]][%[[N]], 0] [1, 6] [1, 1]
// CHECK-DAG:       memref.subview %[[PAD]][0, 1] [1, 6] [1, 1]
// CHECK-DAG:       memref.subview %[[OUT]][%[[N]], 0] [1, 6] [1, 1]
// CHECK:           iterator_types = ["parallel", "parallel", "reduction"]
// CHECK:           arith.maximumf
// CHECK:         return
#id = affine_map<(n, i) -> (n, i)>
func.func private @padded(%x: memref<4x6xf32>, %w: memref<3xf32>, %out: memref<4x6xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = memref.alloc() : memref<4x8xf32>
  linalg.fill ins(%zero : f32) outs(%pad : memref<4x8xf32>)
  %inner = memref.subview %pad[0, 1] [4, 6] [1, 1] : memref<4x8xf32> to memref<4x6xf32, strided<[8, 1], offset: 1>>
  linalg.copy ins(%x : memref<4x6xf32>) outs(%inner : memref<4x6xf32, strided<[8, 1], offset: 1>>)
  linalg.fill ins(%zero : f32) outs(%out : memref<4x6xf32>)
  linalg.generic {indexing_maps = [affine_map<(n, i, k) -> (n, i + k)>, affine_map<(n, i, k) -> (k)>, affine_map<(n, i, k) -> (n, i)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%pad, %w : memref<4x8xf32>, memref<3xf32>) outs(%out : memref<4x6xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%out : memref<4x6xf32>) {
  ^bb0(%o: f32):
    %m = arith.maximumf %o, %zero : f32
    linalg.yield %m : f32
  }
  return
}

// -----

// Image 3 - n of the temporary is read for image n: nothing can be shrunk.

// CHECK-LABEL: func.func private @reversed(
// CHECK-NOT:     scf.for
// CHECK:         memref.alloc() : memref<4x8xf32>
func.func private @reversed(%x: memref<4x8xf32>, %out: memref<4x8xf32>) attributes {pock.kernel} {
  %t = memref.alloc() : memref<4x8xf32>
  linalg.copy ins(%x : memref<4x8xf32>) outs(%t : memref<4x8xf32>)
  linalg.generic {indexing_maps = [affine_map<(n, i) -> (3 - n, i)>, affine_map<(n, i) -> (n, i)>], iterator_types = ["parallel", "parallel"]}
      ins(%t : memref<4x8xf32>) outs(%out : memref<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// -----

// Several nests read rows that no cache holds: they run block by block, 4 rows of 4 KiB of both
// buffers in half of the cache. What is made for each row shrinks with them.

#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, l2_bytes = 66000>} {
// CHECK-LABEL: func.func private @rows(
// CHECK-SAME:    %[[X:.+]]: memref<256x1024xf32>, %[[OUT:.+]]: memref<256x1024xf32>
// CHECK:         %[[MOST:.+]] = memref.alloc() : memref<4xf32>
// CHECK:         scf.for %[[I:.+]] = %{{.+}} to %{{.+}} step %c4
// CHECK:           linalg.generic {{.*}} outs(%[[MOST]] : memref<4xf32>)
// CHECK:           memref.subview %[[X]][%[[I]], 0] [4, 1024]
// CHECK:           arith.maximumf
// CHECK:           memref.subview %[[OUT]][%[[I]], 0] [4, 1024]
// CHECK:           arith.subf
func.func private @rows(%x: memref<256x1024xf32>, %out: memref<256x1024xf32>) attributes {pock.kernel} {
  %least = arith.constant 0xFF800000 : f32
  %most = memref.alloc() : memref<256xf32>
  linalg.fill ins(%least : f32) outs(%most : memref<256xf32>)
  linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<256x1024xf32>) outs(%most : memref<256xf32>) {
  ^bb0(%a: f32, %m: f32):
    %next = arith.maximumf %m, %a : f32
    linalg.yield %next : f32
  }
  linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %most : memref<256x1024xf32>, memref<256xf32>) outs(%out : memref<256x1024xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %next = arith.subf %a, %m : f32
    linalg.yield %next : f32
  }
  return
}
}

// -----

// What one nest does, or what the cache holds, stays as it is; so does a product, which reads all of its right operand for every row.

#all = affine_map<(i, j) -> (i, j)>
module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, l2_bytes = 65536>} {
// CHECK-LABEL: func.func private @one_nest(
// CHECK-NOT:     scf.for
func.func private @one_nest(%x: memref<256x1024xf32>, %out: memref<256x1024xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<256x1024xf32>) outs(%out : memref<256x1024xf32>) {
  ^bb0(%a: f32, %o: f32):
    %next = math.exp %a : f32
    linalg.yield %next : f32
  }
  return
}

// CHECK-LABEL: func.func private @product(
// CHECK-NOT:     scf.for
func.func private @product(%x: memref<256x256xf32>, %w: memref<256x256xf32>, %most: memref<256xf32>, %out: memref<256x256xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<256x256xf32>, memref<256x256xf32>) outs(%out : memref<256x256xf32>)
  linalg.generic {indexing_maps = [#all, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%out : memref<256x256xf32>) outs(%most : memref<256xf32>) {
  ^bb0(%a: f32, %m: f32):
    %next = arith.maximumf %m, %a : f32
    linalg.yield %next : f32
  }
  return
}
}

// -----

// With `pock.channel_blocks`, what a product makes for a depthwise convolution
// exists for eight channels at a time; four are left over. The views between
// have other dimensions.

// CHECK-LABEL: func.func private @channels(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<24x4xf32>, %[[W:[a-z0-9]+]]: memref<4x20xf32>, %[[D:[a-z0-9]+]]: memref<3x1x20xf32>, %[[OUT:[a-z0-9]+]]: memref<24x20xf32>
// CHECK:         %[[T:.+]] = memref.alloc() : memref<24x8xf32>
// CHECK-NOT:     memref<24x20xf32> {{.*}}alloc
// CHECK:         scf.for %[[C:.+]] = %c0{{.*}} to %c16{{.*}} step %c8
// CHECK:           memref.subview %[[W]][0, %[[C]]] [4, 8] [1, 1]
// CHECK:           %[[WHOLE:.+]] = memref.expand_shape %[[T]] {{\[\[}}0, 1], [2]] output_shape [1, 24, 8]
// CHECK:           pock.padded_view %[[WHOLE]]
// CHECK:         memref.subview %[[W]][0, 16] [4, 4] [1, 1]
module attributes {pock.target = #pock.target<vector_bytes = 16>} {
func.func private @channels(%x: memref<24x4xf32>, %w: memref<4x20xf32>, %d: memref<3x1x20xf32>, %out: memref<24x20xf32>) attributes {pock.kernel, pock.channel_blocks} {
  %zero = arith.constant 0.0 : f32
  %t = memref.alloc() : memref<24x20xf32>
  linalg.fill ins(%zero : f32) outs(%t : memref<24x20xf32>)
  linalg.matmul ins(%x, %w : memref<24x4xf32>, memref<4x20xf32>) outs(%t : memref<24x20xf32>)
  %e = memref.expand_shape %t [[0, 1], [2]] output_shape [1, 24, 20] : memref<24x20xf32> into memref<1x24x20xf32>
  %p = pock.padded_view %e {low = array<i64: 0, 1, 0>, high = array<i64: 0, 1, 0>} : memref<1x24x20xf32> to memref<1x26x20xf32, strided<[480, 20, 1], offset: ?>>
  %taps = memref.collapse_shape %d [[0], [1, 2]] : memref<3x1x20xf32> into memref<3x20xf32>
  linalg.fill ins(%zero : f32) outs(%out : memref<24x20xf32>)
  linalg.generic {indexing_maps = [affine_map<(i, c, k) -> (0, i + k, c)>, affine_map<(i, c, k) -> (k, c)>, affine_map<(i, c, k) -> (i, c)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%p, %taps : memref<1x26x20xf32, strided<[480, 20, 1], offset: ?>>, memref<3x20xf32>) outs(%out : memref<24x20xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %s = arith.addf %o, %m : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// A packed operand without columns is left alone; its product computes nothing.

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: func.func private @empty(
// CHECK-NEXT:    return
module attributes {pock.target = #pock.target<vector_bytes = 16>} {
func.func private @empty(%x: memref<32x64xf32>, %w: memref<64x0xf32>, %y: memref<32x0xf32>) attributes {pock.kernel} {
  %packed = memref.alloc() : memref<64x0xf32>
  linalg.generic {indexing_maps = [affine_map<(k, n) -> (k, n)>, affine_map<(k, n) -> (k, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%w : memref<64x0xf32>) outs(%packed : memref<64x0xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %packed : memref<32x64xf32>, memref<64x0xf32>) outs(%y : memref<32x0xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
}
