// RUN: pock-opt %s --pock-bufferize-kernels --split-input-file | FileCheck %s

// A chain of operations is computed in the out, without copies or temporaries.

// CHECK-LABEL: func.func private @linear_relu(
// CHECK-SAME:    %[[X:.+]]: memref<4x8xf32>, %[[W:.+]]: memref<8x16xf32>, %[[OUT:.+]]: memref<4x16xf32>)
// CHECK-SAME:    attributes {pock.kernel}
// CHECK-NOT:     memref.alloc
// CHECK:         linalg.fill {{.*}} outs(%[[OUT]]
// CHECK:         linalg.generic {{.*}} ins(%[[X]], %[[W]] {{.*}} outs(%[[OUT]]
// CHECK:         linalg.generic {{.*}} outs(%[[OUT]]
// CHECK-NOT:     linalg.copy
// CHECK:         return{{$}}
func.func private @linear_relu(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %out: tensor<4x16xf32> {bufferization.writable = true})
    -> tensor<4x16xf32> attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x16xf32>) -> tensor<4x16xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%init : tensor<4x16xf32>) -> tensor<4x16xf32>
  %fresh = tensor.empty() : tensor<4x16xf32>
  %relu = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<4x16xf32>) outs(%fresh : tensor<4x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %max = arith.maximumf %a, %zero : f32
    linalg.yield %max : f32
  } -> tensor<4x16xf32>
  return %relu : tensor<4x16xf32>
}

// -----

// An out that is read is updated in place: rows 3..6 only, no copy.

// CHECK-LABEL: func.func private @update_rows(
// CHECK-SAME:    %[[G:.+]]: memref<4x30xf32>, %[[W:.+]]: memref<10x30xf32>)
// CHECK-NOT:     memref.alloc
// CHECK:         %[[ROWS:.+]] = memref.subview %[[W]][3, 0] [4, 30] [1, 1]
// CHECK:         linalg.generic {{.*}} ins(%[[ROWS]], %[[G]] {{.*}} outs(%[[ROWS]]
// CHECK-NOT:     linalg.copy
func.func private @update_rows(%g: tensor<4x30xf32>, %w: tensor<10x30xf32> {bufferization.writable = true})
    -> tensor<10x30xf32> attributes {pock.kernel} {
  %rows = tensor.extract_slice %w[3, 0] [4, 30] [1, 1] : tensor<10x30xf32> to tensor<4x30xf32>
  %empty = tensor.empty() : tensor<4x30xf32>
  %new = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%rows, %g : tensor<4x30xf32>, tensor<4x30xf32>) outs(%empty : tensor<4x30xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %d = arith.subf %a, %b : f32
    linalg.yield %d : f32
  } -> tensor<4x30xf32>
  %r = tensor.insert_slice %new into %w[3, 0] [4, 30] [1, 1] : tensor<4x30xf32> into tensor<10x30xf32>
  return %r : tensor<10x30xf32>
}

// -----

// A kernel that returns an in copies it.

// CHECK-LABEL: func.func private @copy(
// CHECK-SAME:    %[[X:.+]]: memref<8xf32>, %[[OUT:.+]]: memref<8xf32>)
// CHECK:         linalg.copy ins(%[[X]] {{.*}} outs(%[[OUT]]
func.func private @copy(%x: tensor<8xf32>, %out: tensor<8xf32> {bufferization.writable = true})
    -> tensor<8xf32> attributes {pock.kernel} {
  return %x : tensor<8xf32>
}

// -----

// Only kernels are touched.

// CHECK-LABEL: func.func @step(%{{.+}}: tensor<8xf32>) -> tensor<8xf32>
func.func @step(%x: tensor<8xf32>) -> tensor<8xf32> {
  return %x : tensor<8xf32>
}

// -----

// A constant tensor of one value is a fill, not a global.

// CHECK-NOT:   memref.global
// CHECK-LABEL: func.func private @splat(
// CHECK-SAME:    %[[X:.+]]: memref<8x4xf32>, %[[OUT:.+]]: memref<8xf32>)
// CHECK:         linalg.fill {{.*}} outs(%[[OUT]]
func.func private @splat(%x: tensor<8x4xf32>, %out: tensor<8xf32>) -> tensor<8xf32> attributes {pock.kernel} {
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<8x4xf32>) outs(%zero : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %q = arith.addf %o, %a : f32
    linalg.yield %q : f32
  } -> tensor<8xf32>
  return %s : tensor<8xf32>
}

// -----

// Two results that go to disjoint parts of one tensor are computed there.

// CHECK-LABEL: func.func private @parts(
// CHECK-SAME:    %[[X:.+]]: memref<8xf32>, %[[OUT:.+]]: memref<2x8xf32>)
// CHECK-NOT:     memref.alloc
// CHECK-DAG:     %[[FIRST:.+]] = memref.subview %[[OUT]][0, 0] [1, 8] [1, 1]
// CHECK-DAG:     %[[SECOND:.+]] = memref.subview %[[OUT]][1, 0] [1, 8] [1, 1]
// CHECK:         linalg.generic {{.*}} ins(%[[X]] : memref<8xf32>) outs(%[[FIRST]], %[[SECOND]] :
#id = affine_map<(i) -> (i)>
func.func private @parts(%x: tensor<8xf32>, %out: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {pock.kernel} {
  %first = tensor.extract_slice %out[0, 0] [1, 8] [1, 1] : tensor<2x8xf32> to tensor<8xf32>
  %second = tensor.extract_slice %out[1, 0] [1, 8] [1, 1] : tensor<2x8xf32> to tensor<8xf32>
  %y:2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<8xf32>) outs(%first, %second : tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32, %p: f32):
    %double = arith.addf %a, %a : f32
    %square = arith.mulf %a, %a : f32
    linalg.yield %double, %square : f32, f32
  } -> (tensor<8xf32>, tensor<8xf32>)
  %half = tensor.insert_slice %y#0 into %out[0, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<2x8xf32>
  %all = tensor.insert_slice %y#1 into %half[1, 0] [1, 8] [1, 1] : tensor<8xf32> into tensor<2x8xf32>
  return %all : tensor<2x8xf32>
}

// -----

// What follows a loop over blocks runs on each block, in place.

// CHECK-LABEL: func.func private @bias_of_blocks(
// CHECK-SAME:    %[[X:.+]]: memref<8x16xf32>, %[[B:.+]]: memref<16xf32>, %[[OUT:.+]]: memref<8x16xf32>)
// CHECK-NOT:     memref.alloc
// CHECK:         scf.for
// CHECK:           arith.mulf
// CHECK:           linalg.generic {{.*}} ins(%[[B]] : memref<16xf32>) outs(%{{.+}} : memref<4x16xf32,
// CHECK:           arith.addf
// CHECK:         }
// CHECK-NOT:     linalg.generic
#id = affine_map<(i, j) -> (i, j)>
#column = affine_map<(i, j) -> (j)>
func.func private @bias_of_blocks(%x: tensor<8x16xf32>, %b: tensor<16xf32>, %out: tensor<8x16xf32>)
    -> tensor<8x16xf32> attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %empty = tensor.empty() : tensor<8x16xf32>
  %made = scf.for %i = %c0 to %c8 step %c4 iter_args(%carried = %empty) -> (tensor<8x16xf32>) {
    %from = tensor.extract_slice %x[%i, 0] [4, 16] [1, 1] : tensor<8x16xf32> to tensor<4x16xf32>
    %into = tensor.extract_slice %carried[%i, 0] [4, 16] [1, 1] : tensor<8x16xf32> to tensor<4x16xf32>
    %block = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%from : tensor<4x16xf32>) outs(%into : tensor<4x16xf32>) {
    ^bb0(%a: f32, %o: f32):
      %square = arith.mulf %a, %a : f32
      linalg.yield %square : f32
    } -> tensor<4x16xf32>
    %next = tensor.insert_slice %block into %carried[%i, 0] [4, 16] [1, 1] : tensor<4x16xf32> into tensor<8x16xf32>
    scf.yield %next : tensor<8x16xf32>
  }
  %y = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%made, %b : tensor<8x16xf32>, tensor<16xf32>) outs(%out : tensor<8x16xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %sum = arith.addf %a, %c : f32
    linalg.yield %sum : f32
  } -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// -----

// An update reads the old value where it writes the new one; the block has
// memory of its own.

// CHECK-LABEL: func.func private @update_of_blocks(
// CHECK-SAME:    %{{.+}}: memref<8x16xf32>, %[[W:.+]]: memref<8x16xf32>)
// CHECK:         %[[BLOCK:.+]] = memref.alloc() {{.*}} : memref<4x16xf32>
// CHECK-NOT:     memref.alloc
// CHECK:         scf.for {{.*}} = %[[W]])
// CHECK:           linalg.generic {{.*}} outs(%[[BLOCK]] : memref<4x16xf32>)
// CHECK:           %[[ROWS:.+]] = memref.subview %{{.+}}[%{{.+}}, 0] [4, 16] [1, 1] : memref<8x16xf32>
// CHECK:           linalg.generic {{.*}} ins(%[[BLOCK]] : memref<4x16xf32>) outs(%[[ROWS]] :
// CHECK:         }
// CHECK-NOT:     linalg.generic
#id = affine_map<(i, j) -> (i, j)>
func.func private @update_of_blocks(%x: tensor<8x16xf32>, %w: tensor<8x16xf32> {bufferization.writable = true})
    -> tensor<8x16xf32> attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %empty = tensor.empty() : tensor<8x16xf32>
  %made = scf.for %i = %c0 to %c8 step %c4 iter_args(%carried = %empty) -> (tensor<8x16xf32>) {
    %from = tensor.extract_slice %x[%i, 0] [4, 16] [1, 1] : tensor<8x16xf32> to tensor<4x16xf32>
    %into = tensor.extract_slice %carried[%i, 0] [4, 16] [1, 1] : tensor<8x16xf32> to tensor<4x16xf32>
    %block = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%from : tensor<4x16xf32>) outs(%into : tensor<4x16xf32>) {
    ^bb0(%a: f32, %o: f32):
      %square = arith.mulf %a, %a : f32
      linalg.yield %square : f32
    } -> tensor<4x16xf32>
    %next = tensor.insert_slice %block into %carried[%i, 0] [4, 16] [1, 1] : tensor<4x16xf32> into tensor<8x16xf32>
    scf.yield %next : tensor<8x16xf32>
  }
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%w, %made : tensor<8x16xf32>, tensor<8x16xf32>) outs(%w : tensor<8x16xf32>) {
  ^bb0(%old: f32, %g: f32, %o: f32):
    %new = arith.subf %old, %g : f32
    linalg.yield %new : f32
  } -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// -----

// Blocks that overlap are not done when they are inserted.

// CHECK-LABEL: func.func private @overlapping_blocks(
// CHECK:         scf.for
// CHECK:         }
// CHECK:         linalg.generic
// CHECK:         arith.addf
#id = affine_map<(i, j) -> (i, j)>
func.func private @overlapping_blocks(%x: tensor<8x16xf32>, %out: tensor<8x16xf32>)
    -> tensor<8x16xf32> attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 6 : index
  %empty = tensor.empty() : tensor<8x16xf32>
  %made = scf.for %i = %c0 to %c8 step %c2 iter_args(%carried = %empty) -> (tensor<8x16xf32>) {
    %from = tensor.extract_slice %x[%i, 0] [4, 16] [1, 1] : tensor<8x16xf32> to tensor<4x16xf32>
    %into = tensor.extract_slice %carried[%i, 0] [4, 16] [1, 1] : tensor<8x16xf32> to tensor<4x16xf32>
    %block = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%from : tensor<4x16xf32>) outs(%into : tensor<4x16xf32>) {
    ^bb0(%a: f32, %o: f32):
      %square = arith.mulf %a, %a : f32
      linalg.yield %square : f32
    } -> tensor<4x16xf32>
    %next = tensor.insert_slice %block into %carried[%i, 0] [4, 16] [1, 1] : tensor<4x16xf32> into tensor<8x16xf32>
    scf.yield %next : tensor<8x16xf32>
  }
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%made : tensor<8x16xf32>) outs(%out : tensor<8x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %sum = arith.addf %a, %a : f32
    linalg.yield %sum : f32
  } -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// -----

// A concatenation of arguments: each is copied to its place, one after the other.

// CHECK-LABEL: func.func private @concatenation(
// CHECK-SAME:    %[[A:.+]]: memref<2x3xf32>, %[[B:.+]]: memref<2x4xf32>, %[[OUT:.+]]: memref<2x7xf32>)
// CHECK-NEXT:    %[[LEFT:.+]] = memref.subview %[[OUT]][0, 0] [2, 3] [1, 1]
// CHECK-NEXT:    linalg.copy ins(%[[A]] : {{.*}}) outs(%[[LEFT]] :
// CHECK-NEXT:    %[[RIGHT:.+]] = memref.subview %[[OUT]][0, 3] [2, 4] [1, 1]
// CHECK-NEXT:    linalg.copy ins(%[[B]] : {{.*}}) outs(%[[RIGHT]] :
// CHECK-NEXT:    return
func.func private @concatenation(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>, %out: tensor<2x7xf32> {bufferization.writable = true})
    -> tensor<2x7xf32> attributes {pock.kernel} {
  %0 = tensor.insert_slice %a into %out[0, 0] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<2x7xf32>
  %1 = tensor.insert_slice %b into %0[0, 3] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<2x7xf32>
  return %1 : tensor<2x7xf32>
}
