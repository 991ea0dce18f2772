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
