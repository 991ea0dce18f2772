// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// What is saved is the output and one number per row, not the probabilities.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]: {{.*}}, %[[K:[^:]+]]: tensor<2x8x4xf64>
// CHECK: %[[Q:.+]] = pock.load_param @q
// CHECK: %[[V:.+]] = pock.load_param @v
// CHECK: %[[O:.+]], %[[LSE:.+]] = pock.attention %[[Q]], %[[K]], %[[V]]
// CHECK: %[[DQ:[a-z_]+]], %{{[a-z_]+}}, %[[DV:[a-z_]+]] = pock.attention_grad %[[Q]], %[[K]], %[[V]], %[[O]], %[[LSE]], %[[G]] {causal = true, scale = 5.000000e-01 : f64}
// CHECK: pock.sparse_update @q
// CHECK: pock.yield %[[DQ]]
// CHECK: pock.sparse_update @v
// CHECK: pock.yield %[[DV]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @q {trained} : tensor<2x8x4xf64>
  pock.param @v {trained} : tensor<2x8x4xf64>
  func.func @loss(%g: tensor<2x8x4xf64>, %k: tensor<2x8x4xf64>) -> tensor<f64> {
    %q = pock.load_param @q : tensor<2x8x4xf64>
    %v = pock.load_param @v : tensor<2x8x4xf64>
    %o, %lse = pock.attention %q, %k, %v {scale = 0.5 : f64, causal = true} : (tensor<2x8x4xf64>, tensor<2x8x4xf64>, tensor<2x8x4xf64>) -> (tensor<2x8x4xf64>, tensor<2x8x1xf64>)
    %weighted = pock.mul %o, %g : (tensor<2x8x4xf64>, tensor<2x8x4xf64>) -> tensor<2x8x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1, 2>} : (tensor<2x8x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// A trained mask wants the gradient of the scores, dS = P (g v^T - rowsum(g o)),
// summed where the mask is shared. P = exp(scores - lse).

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[G:[^:]+]]: tensor<3x4xf64>, %[[Q:[^:]+]]: tensor<3x4xf64>, %[[K:[^:]+]]: tensor<8x4xf64>, %[[V:[^:]+]]: tensor<8x4xf64>
// CHECK: %[[MASK:.+]] = pock.load_param @mask
// CHECK: %[[O:.+]], %[[LSE:.+]] = pock.attention
// CHECK: %[[GO:.+]] = pock.mul %[[O]], %[[G]]
// CHECK-NOT: pock.attention_grad
// CHECK: %[[QK:.+]] = pock.matmul %[[Q]], %[[K]] {transpose_rhs}
// CHECK: %[[SCORES:.+]] = pock.add %[[QK]], %[[MASK]]
// CHECK: %[[SHIFT:.+]] = pock.select %{{.+}}, %{{.+}}, %[[LSE]]
// CHECK: %[[SHIFTED:.+]] = pock.sub %[[SCORES]], %[[SHIFT]]
// CHECK: %[[P:.+]] = pock.exp %[[SHIFTED]]
// CHECK: %[[DELTA:.+]] = pock.sum %[[GO]] {dims = array<i64: 1>, keepdim = true}
// CHECK: %[[GV:.+]] = pock.matmul %[[G]], %[[V]] {transpose_rhs}
// CHECK: %[[SUB:.+]] = pock.sub %[[GV]], %[[DELTA]]
// CHECK: %[[DS:.+]] = pock.mul %[[P]], %[[SUB]]
// CHECK: %[[SUM:.+]] = pock.sum %[[DS]] {dims = array<i64: 0>}
// CHECK: %[[DMASK:.+]] = pock.reshape %[[SUM]]
// CHECK: pock.sparse_update @mask
// CHECK: pock.yield %[[DMASK]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @mask {trained} : tensor<1x8xf64>
  func.func @loss(%g: tensor<3x4xf64>, %q: tensor<3x4xf64>, %k: tensor<8x4xf64>, %v: tensor<8x4xf64>) -> tensor<f64> {
    %mask = pock.load_param @mask : tensor<1x8xf64>
    %o, %lse = pock.attention %q, %k, %v, %mask : (tensor<3x4xf64>, tensor<8x4xf64>, tensor<8x4xf64>, tensor<1x8xf64>) -> (tensor<3x4xf64>, tensor<3x1xf64>)
    %weighted = pock.mul %o, %g : (tensor<3x4xf64>, tensor<3x4xf64>) -> tensor<3x4xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<3x4xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}

// -----

// The cotangent h of lse adds P h to dS.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[H:[^:]+]]: tensor<3x1xf64>
// CHECK-NOT: pock.attention_grad
// CHECK: %[[P:.+]] = pock.exp
// CHECK: %[[DELTA:.+]] = pock.sub %{{.+}}, %[[H]]
// CHECK: %[[SUB:.+]] = pock.sub %{{.+}}, %[[DELTA]]
// CHECK: %[[DS:.+]] = pock.mul %[[P]], %[[SUB]]
// CHECK: %[[DQ:.+]] = pock.matmul %[[DS]], %{{.+}}
// CHECK: pock.sparse_update @q
// CHECK: pock.yield %[[DQ]]
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @q {trained} : tensor<3x4xf64>
  func.func @loss(%h: tensor<3x1xf64>, %k: tensor<8x4xf64>, %v: tensor<8x4xf64>) -> tensor<f64> {
    %q = pock.load_param @q : tensor<3x4xf64>
    %o, %lse = pock.attention %q, %k, %v : (tensor<3x4xf64>, tensor<8x4xf64>, tensor<8x4xf64>) -> (tensor<3x4xf64>, tensor<3x1xf64>)
    %weighted = pock.mul %lse, %h : (tensor<3x1xf64>, tensor<3x1xf64>) -> tensor<3x1xf64>
    %loss = pock.sum %weighted {dims = array<i64: 0, 1>} : (tensor<3x1xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }
}
