// RUN: pock-opt %s --pock-narrow-scratch --split-input-file | FileCheck %s

// The border is zero and the rest widened: bf16 holds both.

#out = affine_map<(i, j, c) -> (i, j)>
#window = affine_map<(i, j, c) -> (i + 1, c)>
#weight = affine_map<(i, j, c) -> (c, j)>

// CHECK-LABEL: func.func private @border(
// CHECK-SAME:    %[[X:.+]]: memref<4x8xbf16>
// CHECK:         %[[PAD:.+]] = memref.alloc() : memref<6x8xbf16>
// CHECK:         linalg.generic {{.*}} outs(%[[PAD]] : memref<6x8xbf16>)
// CHECK:           %[[ZERO:.+]] = arith.truncf
// CHECK:           linalg.yield %[[ZERO]] : bf16
// CHECK:         %[[INNER:.+]] = memref.subview %[[PAD]]{{.*}} to memref<4x8xbf16, strided<[8, 1], offset: 8>>
// CHECK:         linalg.generic {{.*}} ins(%[[X]] : memref<4x8xbf16>) outs(%[[INNER]]
// CHECK-NEXT:    ^bb0(%[[IN:.+]]: bf16, %{{.+}}: bf16):
// CHECK:           linalg.yield %[[IN]] : bf16
// CHECK:         linalg.generic {{.*}} ins(%[[PAD]], %{{.+}} : memref<6x8xbf16>, memref<8x16xf32>)
// CHECK-NEXT:    ^bb0(%[[A:.+]]: bf16, %[[W:.+]]: f32, %{{.+}}: f32):
// CHECK:           %[[WIDE:.+]] = arith.extf %[[A]] : bf16 to f32
// CHECK:           arith.mulf %[[WIDE]], %[[W]]
func.func private @border(%x: memref<4x8xbf16>, %w: memref<8x16xf32>, %y: memref<4x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %pad = memref.alloc() : memref<6x8xf32>
  linalg.fill ins(%zero : f32) outs(%pad : memref<6x8xf32>)
  %inner = memref.subview %pad[1, 0] [4, 8] [1, 1] : memref<6x8xf32> to memref<4x8xf32, strided<[8, 1], offset: 8>>
  linalg.generic {indexing_maps = [affine_map<(i, c) -> (i, c)>, affine_map<(i, c) -> (i, c)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<4x8xbf16>) outs(%inner : memref<4x8xf32, strided<[8, 1], offset: 8>>) {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    linalg.yield %wide : f32
  }
  linalg.generic {indexing_maps = [#window, #weight, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%pad, %w : memref<6x8xf32>, memref<8x16xf32>) outs(%y : memref<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  }
  return
}

// -----

// What arithmetic writes stays f32; so does what is filled with a number that
// bf16 rounds, and what nothing widened is written into.

#id = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func private @computed(
// CHECK-COUNT-3: memref.alloc() : memref<8xf32>
// CHECK-NOT:     memref.alloc() : memref<8xbf16>
func.func private @computed(%x: memref<8xbf16>, %y: memref<8xf32>) attributes {pock.kernel} {
  %third = arith.constant 0.333333343 : f32
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<8xf32>
  %filled = memref.alloc() : memref<8xf32>
  %zeros = memref.alloc() : memref<8xf32>
  linalg.fill ins(%zero : f32) outs(%zeros : memref<8xf32>)
  linalg.fill ins(%third : f32) outs(%filled : memref<8xf32>)
  %half = memref.subview %filled[0] [4] [1] : memref<8xf32> to memref<4xf32, strided<[1]>>
  %xs = memref.subview %x[0] [4] [1] : memref<8xbf16> to memref<4xbf16, strided<[1]>>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%xs : memref<4xbf16, strided<[1]>>) outs(%half : memref<4xf32, strided<[1]>>) {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    linalg.yield %wide : f32
  }
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x, %zeros : memref<8xbf16>, memref<8xf32>) outs(%sum : memref<8xf32>) {
  ^bb0(%in: bf16, %z: f32, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %twice = arith.addf %wide, %wide : f32
    linalg.yield %twice : f32
  }
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%sum, %filled : memref<8xf32>, memref<8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  }
  return
}
