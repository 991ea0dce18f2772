// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file | FileCheck %s

// softmax(scale q k^T) v: the exponentials are divided by their sum last. Query t sees keys
// up to t; a row without keys gives zeros.
// CHECK-LABEL: func @attention
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: tensor<3x5xf32>, %[[OUT_LSE:[a-z0-9]+]]: tensor<3x1xf32>
// CHECK: %[[INTO:.+]] = tensor.collapse_shape %[[OUT_LSE]]
// CHECK-NOT: scf.for
// CHECK: arith.mulf %{{.+}}, %{{.+}} : f32
// CHECK: arith.cmpi sle
// CHECK: arith.select
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: math.log
// CHECK: bufferization.materialize_in_destination %{{.+}} in %[[INTO]]
// CHECK: arith.cmpf oeq
// CHECK: %[[O:.+]] = linalg.generic {{.*}} outs(%[[OUT]] :
// CHECK: arith.divf
// CHECK: return %[[O]], %{{.+}} : tensor<3x5xf32>, tensor<3x1xf32>
func.func @attention(%q: tensor<3x4xf32>, %k: tensor<8x4xf32>, %v: tensor<8x5xf32>,
                     %out: tensor<3x5xf32>, %out_lse: tensor<3x1xf32>)
    -> (tensor<3x5xf32>, tensor<3x1xf32>) attributes {pock.kernel} {
  %o, %lse = pock.attention %q, %k, %v {scale = 0.5 : f64, causal = true}
      : (tensor<3x4xf32>, tensor<8x4xf32>, tensor<8x5xf32>) -> (tensor<3x5xf32>, tensor<3x1xf32>)
  return %o, %lse : tensor<3x5xf32>, tensor<3x1xf32>
}

// -----

// Head by head: scores exist for one at a time. The mask is shared by the five heads of an image.
// CHECK-LABEL: func @attention_of_heads
// CHECK-DAG: %[[HEADS:.+]] = arith.constant 5 : index
// CHECK-DAG: %[[ALL:.+]] = arith.constant 10 : index
// CHECK: scf.for %[[HEAD:[a-z0-9]+]] = %{{.+}} to %[[ALL]]
// CHECK-DAG: tensor.extract_slice %{{.+}}[%[[HEAD]], 0, 0] [1, 3, 4]
// CHECK-DAG: %[[IMAGE:.+]] = arith.divui %[[HEAD]], %[[HEADS]]
// CHECK-DAG: tensor.extract_slice %{{.+}}[%[[IMAGE]], 0, 0] [1, 1, 8]
// CHECK: math.exp {{.*}} : f32
// CHECK: tensor.insert_slice %{{.+}} into %{{.+}}[%[[HEAD]], 0, 0] [1, 3, 4]
// CHECK-NOT: tensor<2x5x3x8
func.func @attention_of_heads(%q: tensor<2x5x3x4xf32>, %k: tensor<2x5x8x4xf32>, %mask: tensor<2x1x1x8xi1>,
                              %out: tensor<2x5x3x4xf32>) -> tensor<2x5x3x4xf32> attributes {pock.kernel} {
  %o, %lse = pock.attention %q, %k, %k, %mask
      : (tensor<2x5x3x4xf32>, tensor<2x5x8x4xf32>, tensor<2x5x8x4xf32>, tensor<2x1x1x8xi1>)
      -> (tensor<2x5x3x4xf32>, tensor<2x5x3x1xf32>)
  return %o : tensor<2x5x3x4xf32>
}

// -----

// A mask that is shared along the middle of three leading dimensions.
// CHECK-LABEL: func @mask_shared_between
// CHECK-DAG: %[[BELOW:.+]] = arith.constant 15 : index
// CHECK-DAG: %[[THIRD:.+]] = arith.constant 3 : index
// CHECK: scf.for %[[I:[a-z0-9]+]] =
// CHECK: %[[INNER:.+]] = arith.remui %[[I]], %[[THIRD]]
// CHECK: %[[OUTER:.+]] = arith.divui %[[I]], %[[BELOW]]
// CHECK: %[[SCALED:.+]] = arith.muli %[[OUTER]], %[[THIRD]]
// CHECK: arith.addi %[[INNER]], %[[SCALED]]
func.func @mask_shared_between(%x: tensor<2x5x3x4x4xf32>, %mask: tensor<2x1x3x4x4xf32>, %out: tensor<2x5x3x4x4xf32>)
    -> tensor<2x5x3x4x4xf32> attributes {pock.kernel} {
  %o, %lse = pock.attention %x, %x, %x, %mask
      : (tensor<2x5x3x4x4xf32>, tensor<2x5x3x4x4xf32>, tensor<2x5x3x4x4xf32>, tensor<2x1x3x4x4xf32>)
      -> (tensor<2x5x3x4x4xf32>, tensor<2x5x3x4x1xf32>)
  return %o : tensor<2x5x3x4x4xf32>
}

// -----

// The probabilities are computed again from lse: no maximum, no sum of exponentials.
// CHECK-LABEL: func @attention_grad
// CHECK-NOT: arith.maximumf
// CHECK: math.exp
// CHECK-NOT: math.log
// CHECK: return
func.func @attention_grad(%x: tensor<2x3x4xf32>, %o: tensor<2x3x4xf32>, %lse: tensor<2x3x1xf32>, %g: tensor<2x3x4xf32>,
                          %dq: tensor<2x3x4xf32>, %dk: tensor<2x3x4xf32>, %dv: tensor<2x3x4xf32>)
    -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) attributes {pock.kernel} {
  %0:3 = pock.attention_grad %x, %x, %x, %o, %lse, %g
      : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x1xf32>, tensor<2x3x4xf32>)
      -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
  return %0#0, %0#1, %0#2 : tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>
}

// -----

// Threads share several heads at a time, as many as divide the heads and fit: two of 4 KiB each. A mask of the image stays one.

module attributes {pock.target = #pock.target<vector_bytes = 64, l2_bytes = 98304, threads = 0>} {
// CHECK-LABEL: func @attention_of_pairs
// CHECK-DAG: %[[TWO:.+]] = arith.constant 2 : index
// CHECK-DAG: %[[PAIRS:.+]] = arith.constant 4 : index
// CHECK: scf.for %[[PAIR:[a-z0-9]+]] = %{{.+}} to %[[PAIRS]]
// CHECK: %[[HEAD:.+]] = arith.muli %[[PAIR]], %[[TWO]]
// CHECK: tensor.extract_slice %{{.+}}[%[[HEAD]], 0, 0] [2, 32, 8]
// CHECK: tensor.extract_slice %{{.+}} [1, 1, 32]
// CHECK: tensor<2x32x32xf32>
// CHECK: tensor.insert_slice %{{.+}} into %{{.+}}[%[[HEAD]], 0, 0] [2, 32, 8]
func.func @attention_of_pairs(%q: tensor<2x4x32x8xf32>, %k: tensor<2x4x32x8xf32>, %v: tensor<2x4x32x8xf32>, %mask: tensor<2x1x1x32xi1>,
                              %out: tensor<2x4x32x8xf32>, %out_lse: tensor<2x4x32x1xf32>)
    -> (tensor<2x4x32x8xf32>, tensor<2x4x32x1xf32>) attributes {pock.kernel} {
  %o, %lse = pock.attention %q, %k, %v, %mask {scale = 1.0 : f64}
      : (tensor<2x4x32x8xf32>, tensor<2x4x32x8xf32>, tensor<2x4x32x8xf32>, tensor<2x1x1x32xi1>) -> (tensor<2x4x32x8xf32>, tensor<2x4x32x1xf32>)
  return %o, %lse : tensor<2x4x32x8xf32>, tensor<2x4x32x1xf32>
}
}
