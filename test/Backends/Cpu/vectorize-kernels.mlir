// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --cse --split-input-file | FileCheck %s

// fill, reduction and relu are one nest: the accumulators start at the bias,
// stay in registers, and each element of the out is stored once.

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32>} {
// CHECK-LABEL: func.func private @linear_relu(
// CHECK-SAME:    %[[X:.+]]: memref<8x64xf32>, %[[W:.+]]: memref<64x16xf32>, %[[BIAS:.+]]: memref<16xf32>
// CHECK:         %[[B:.+]] = vector.load %[[BIAS]]
// CHECK:         scf.for {{.*}} iter_args(%{{.+}} = %[[B]], %{{.+}} = %[[B]],
// CHECK-COUNT-8:   math.fma {{.*}} : vector<16xf32>
// CHECK:           scf.yield
// CHECK-COUNT-8: arith.maximumf
// CHECK-COUNT-8: vector.store
// CHECK-NOT:     vector.store
// CHECK-NOT:     linalg
func.func private @linear_relu(%x: memref<8x64xf32>, %w: memref<64x16xf32>, %bias: memref<16xf32>, %out: memref<8x16xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%bias : memref<16xf32>) outs(%out : memref<8x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  linalg.matmul ins(%x, %w : memref<8x64xf32>, memref<64x16xf32>) outs(%out : memref<8x16xf32>)
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      outs(%out : memref<8x16xf32>) {
  ^bb0(%o: f32):
    %max = arith.maximumf %o, %zero : f32
    linalg.yield %max : f32
  }
  return
}
}

// -----

// A row reduction: vectors along the reduction, combined once at the end.

module attributes {pock.target = #pock.target<vector_bytes = 16>} {
// CHECK-LABEL: func.func private @row_sum(
// CHECK:         scf.for
// CHECK:           vector.load {{.*}} vector<4xf32>
// CHECK:           arith.addf {{.*}} : vector<4xf32>
// CHECK:         vector.shuffle
// CHECK:         arith.addf {{.*}} : f32
// CHECK:         memref.store
func.func private @row_sum(%x: memref<1024xf32>, %out: memref<f32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<1024xf32>) outs(%out : memref<f32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Two results that depend on each other (argmax): the order is kept.

// CHECK-LABEL: func.func private @argmax(
// CHECK-NOT:     vector<
// CHECK:         scf.for {{.*}} iter_args(%{{.+}} = %{{.+}}, %{{.+}} = %{{.+}}) -> (f32, i64)
func.func private @argmax(%x: memref<100xf32>, %max: memref<f32>, %at: memref<i64>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<100xf32>) outs(%max, %at : memref<f32>, memref<i64>) {
  ^bb0(%a: f32, %m: f32, %p: i64):
    %i = linalg.index 0 : index
    %n = arith.index_cast %i : index to i64
    %gt = arith.cmpf ogt, %a, %m : f32
    %v = arith.select %gt, %a, %m : f32
    %k = arith.select %gt, %n, %p : i64
    linalg.yield %v, %k : f32, i64
  }
  return
}

// -----

// A tail of 5 is a vector of 4 and a scalar; nothing is read out of bounds.

module attributes {pock.target = #pock.target<vector_bytes = 16>} {
// CHECK-LABEL: func.func private @tail(
// CHECK:         vector.load {{.*}} : memref<9xf32>, vector<4xf32>
// CHECK:         memref.load
// CHECK:         memref.store
func.func private @tail(%x: memref<9xf32>, %out: memref<9xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<9xf32>) outs(%out : memref<9xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  }
  return
}
}

// -----

// Not linear in the loops: scalar loops.

// CHECK-LABEL: func.func private @floordiv(
// CHECK-NOT:     vector<
// CHECK:         scf.for
func.func private @floordiv(%x: memref<4xf32>, %out: memref<8xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i floordiv 2)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<4xf32>) outs(%out : memref<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// -----

// Two indices from outside select a part of a buffer.

module attributes {pock.target = #pock.target<vector_bytes = 16>} {
// CHECK-LABEL: func.func private @part_by_two_indices(
// CHECK:         scf.for %[[I:.+]] =
// CHECK:         scf.for %[[J:.+]] =
// CHECK-DAG:     arith.muli %[[I]], %{{.+}} overflow<nsw>
// CHECK-DAG:     arith.muli %[[J]], %{{.+}} overflow<nsw>
// CHECK:         vector.load {{.*}} : memref<128xf32>, vector<4xf32>
func.func private @part_by_two_indices(%x: memref<4x4x8xf32>, %out: memref<4x4x8xf32>) attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    scf.for %j = %c0 to %c4 step %c1 {
      %from = memref.subview %x[%i, %j, 0] [1, 1, 8] [1, 1, 1] : memref<4x4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
      %to = memref.subview %out[%j, %i, 0] [1, 1, 8] [1, 1, 1] : memref<4x4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
      linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
          ins(%from : memref<8xf32, strided<[1], offset: ?>>) outs(%to : memref<8xf32, strided<[1], offset: ?>>) {
      ^bb0(%a: f32, %o: f32):
        %n = arith.negf %a : f32
        linalg.yield %n : f32
      }
    }
  }
  return
}
}

// -----

// Each product of a batch has a right operand of its own: the batch is the
// outermost loop, however large all of them are together.

module attributes {pock.target = #pock.target<vector_bytes = 16, l2_bytes = 16384>} {
// CHECK-LABEL: func.func private @batched_product(
// CHECK:         %[[BATCH:.+]] = arith.constant 6 : index
// CHECK:         scf.for %{{.+}} = %{{.+}} to %[[BATCH]]
func.func private @batched_product(%x: memref<6x32x32xf32>, %y: memref<6x32x32xf32>, %out: memref<6x32x32xf32>) attributes {pock.kernel} {
  linalg.batch_matmul ins(%x, %y : memref<6x32x32xf32>, memref<6x32x32xf32>) outs(%out : memref<6x32x32xf32>)
  return
}
}

// -----

// Only kernels are touched.

// CHECK-LABEL: func.func @not_a_kernel(
// CHECK:         linalg.fill
func.func @not_a_kernel(%out: memref<8xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<8xf32>)
  return
}

// -----

// A transposition loads along one dimension, stores along the other, and
// exchanges the two in registers: no element travels alone.

module attributes {pock.target = #pock.target<vector_bytes = 16, vector_registers = 32>} {
// CHECK-LABEL: func.func private @transpose(
// CHECK-COUNT-4: vector.load {{.*}} : memref<64xf32>, vector<4xf32>
// CHECK-COUNT-8: vector.shuffle {{.*}} : vector<4xf32>, vector<4xf32>
// CHECK-COUNT-4: vector.store {{.*}} : memref<64xf32>, vector<4xf32>
// CHECK-NOT:     memref.load
func.func private @transpose(%x: memref<8x8xf32>, %out: memref<8x8xf32>) attributes {pock.kernel} {
  linalg.transpose ins(%x : memref<8x8xf32>) outs(%out : memref<8x8xf32>) permutation = [1, 0]
  return
}
}
