// RUN: pock-opt %s --pock-build-step --split-input-file | FileCheck %s

// CHECK-NOT: pock.optimizer
module attributes {pock.optimizer = #pock.sgd<momentum = 0.5>} {
  // CHECK: pock.param @w {slice = #pock.slice<axis = 1, size = 2>, trained}
  pock.param @w {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<8x4xf32>
  // CHECK: pock.param @w.momentum_buffer {kind = #pock.kind<state>, of = @w} : tensor<8x2xf32>
  // CHECK-LABEL: func.func @step(
  // CHECK-SAME: %[[X:.+]]: tensor<2x8xf32>, %[[LR:.+]]: tensor<f32> {pock.name = "lr"}) -> tensor<f32>
  // CHECK: %[[Y:.+]] = pock.matmul
  // CHECK: %[[LOSS:.+]] = pock.sum %[[Y]]
  // CHECK: %[[DW:.+]] = pock.matmul {{.*}} -> tensor<8x4xf32>
  // CHECK: %[[G:.+]] = pock.slice %[[DW]]
  // CHECK: pock.sparse_update @w lr(%[[LR]]) shared({{.*}}) optimizer(#pock.sgd<momentum = 5.000000e-01>) {
  // CHECK-NEXT: pock.yield %[[G]] : tensor<8x2xf32>
  // CHECK: return %[[LOSS]]
  func.func @loss(%x: tensor<2x8xf32>) -> tensor<f32> {
    %w = pock.load_param @w : tensor<8x4xf32>
    %y = pock.matmul %x, %w : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
    %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<2x4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// The frozen branch exp(x) leaves no op of its own behind the loss.
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @b {trained} : tensor<4xf32>
  // CHECK-LABEL: func.func @step(
  // CHECK: pock.exp
  // CHECK: %[[LOSS:.+]] = pock.sum
  // CHECK-NOT: pock.exp %
  // CHECK-NOT: pock.mul
  // CHECK: pock.sparse_update @b
  func.func @loss(%x: tensor<4xf32>) -> tensor<f32> {
    %b = pock.load_param @b : tensor<4xf32>
    %e = pock.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    %y = pock.add %e, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// d(b * b): both operands' cotangents meet in a sum.
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @b {trained} : tensor<4xf32>
  // CHECK-LABEL: func.func @step(
  // CHECK: %[[B:.+]] = pock.load_param @b
  // CHECK: pock.sum
  // CHECK: %[[L:.+]] = pock.mul
  // CHECK: %[[R:.+]] = pock.mul
  // CHECK: %[[G:.+]] = pock.add %[[L]], %[[R]]
  // CHECK: pock.yield %[[G]]
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<4xf32>
    %y = pock.mul %b, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// Adam counts its steps.
module attributes {pock.optimizer = #pock.adam} {
  pock.param @b {trained} : tensor<4xf32>
  // CHECK-DAG: pock.param @b.exp_avg {kind = #pock.kind<state>, of = @b} : tensor<4xf32>
  // CHECK-DAG: pock.param @b.exp_avg_sq {kind = #pock.kind<state>, of = @b} : tensor<4xf32>
  // CHECK-LABEL: func.func @step(
  // CHECK: %[[OLD:.+]] = pock.load_param @optimizer.step : tensor<i64>
  // CHECK: %[[NEW:.+]] = pock.add %[[OLD]]
  // CHECK: pock.store_param @optimizer.step, %[[NEW]]
  // CHECK: pock.param @optimizer.step {kind = #pock.kind<state>} : tensor<i64>
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<4xf32>
    %loss = pock.sum %b {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// Nothing trains: only the learning rate is new.
module attributes {pock.optimizer = #pock.sgd} {
  // CHECK-LABEL: func.func @step(
  // CHECK-NOT: pock.sparse_update
  // CHECK: return
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}
