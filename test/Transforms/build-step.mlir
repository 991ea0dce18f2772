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

// -----

// Every entry of each gradient is limited.
// CHECK-NOT: pock.clip_grad_value
module attributes {pock.optimizer = #pock.sgd, pock.clip_grad_value = 0.5} {
  pock.param @a {trained} : tensor<4xf32>
  // CHECK-LABEL: func.func @step(
  // CHECK: pock.sum
  // CHECK: %[[DA:.+]] = pock.mul
  // CHECK: %[[G:.+]] = pock.clamp %[[DA]] {max = 5.000000e-01 : f64, min = -5.000000e-01 : f64}
  // CHECK: pock.yield %[[G]]
  func.func @loss(%x: tensor<4xf32>) -> tensor<f32> {
    %a = pock.load_param @a : tensor<4xf32>
    %y = pock.mul %a, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// One factor, min(1, 2 / (norm + 1e-6)), scales all gradients; the norm is a result. Each
// gradient is squared in its own type, the sum is of the loss's.
// CHECK-NOT: pock.clip_grad_norm
module attributes {pock.optimizer = #pock.sgd, pock.clip_grad_norm = 2.0} {
  pock.param @a {trained} : tensor<4xf32>
  pock.param @b {trained} : tensor<4xf64>
  // CHECK-LABEL: func.func @step(
  // CHECK-SAME: -> (tensor<f32>, tensor<f32> {pock.name = "grad_norm"})
  // CHECK: %[[LOSS:.+]] = pock.add
  // CHECK: %[[DA:.+]] = pock.expand {{.*}} -> tensor<4xf32>
  // CHECK: %[[DB:.+]] = pock.expand {{.*}} -> tensor<4xf64>
  // CHECK: %[[AA:.+]] = pock.mul %[[DA]], %[[DA]]
  // CHECK: %[[A2:.+]] = pock.sum %[[AA]]
  // CHECK: %[[BB:.+]] = pock.mul %[[DB]], %[[DB]]
  // CHECK: %[[B2_WIDE:.+]] = pock.sum %[[BB]]
  // CHECK: %[[B2:.+]] = pock.cast %[[B2_WIDE]] : (tensor<f64>) -> tensor<f32>
  // CHECK: %[[SQUARES:.+]] = pock.add %[[A2]], %[[B2]]
  // CHECK: %[[NORM:.+]] = pock.sqrt %[[SQUARES]]
  // CHECK: %[[ROOM:.+]] = pock.add %[[NORM]]
  // CHECK: %[[LIMIT:.+]] = pock.constant dense<2.0
  // CHECK: %[[RATIO:.+]] = pock.div %[[LIMIT]], %[[ROOM]]
  // CHECK: %[[ONE:.+]] = pock.constant dense<1.0
  // CHECK: %[[FACTOR:.+]] = pock.minimum %[[RATIO]], %[[ONE]]
  // CHECK: %[[GA:.+]] = pock.mul %[[DA]], %[[FACTOR]]
  // CHECK: %[[WIDE:.+]] = pock.cast %[[FACTOR]] : (tensor<f32>) -> tensor<f64>
  // CHECK: %[[GB:.+]] = pock.mul %[[DB]], %[[WIDE]]
  // CHECK: pock.yield %[[GA]]
  // CHECK: pock.yield %[[GB]]
  // CHECK: return %[[LOSS]], %[[NORM]]
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<4xf64>
    %wide = pock.sum %b {dims = array<i64: 0>} : (tensor<4xf64>) -> tensor<f64>
    %sum_b = pock.cast %wide : (tensor<f64>) -> tensor<f32>
    %a = pock.load_param @a : tensor<4xf32>
    %sum_a = pock.sum %a {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    %loss = pock.add %sum_a, %sum_b : (tensor<f32>, tensor<f32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// The step applies the mean of its gradient and those that @accumulate has added up, and
// starts again from zero. States are those of the trained slice.
// CHECK-NOT: pock.accumulate =
module attributes {pock.optimizer = #pock.sgd, pock.accumulate = 4} {
  pock.param @w {trained, slice = #pock.slice<axis = 0, size = 2>} : tensor<4xf32>
  // CHECK: pock.param @w.grad {kind = #pock.kind<state>, of = @w} : tensor<2xf32>
  // CHECK-LABEL: func.func @step(
  // CHECK-SAME: %{{.+}}: tensor<4xf32>, %[[LR:.+]]: tensor<f32> {pock.name = "lr"})
  // CHECK: %[[DW:.+]] = pock.slice
  // CHECK: %[[OLD:.+]] = pock.load_param @w.grad
  // CHECK: %[[SUM:.+]] = pock.add %[[OLD]], %[[DW]]
  // CHECK: %[[QUARTER:.+]] = pock.constant dense<2.500000e-01>
  // CHECK: %[[MEAN:.+]] = pock.mul %[[SUM]], %[[QUARTER]]
  // CHECK: %[[ZERO:.+]] = pock.constant dense<0.0
  // CHECK: pock.store_param @w.grad, %[[ZERO]]
  // CHECK: pock.sparse_update @w lr(%[[LR]]) optimizer(#pock.sgd) {
  // CHECK: pock.yield %[[MEAN]]
  // CHECK-LABEL: func.func @accumulate(
  // CHECK-NOT: "lr"
  // CHECK: %[[DW:.+]] = pock.slice
  // CHECK: pock.sparse_update @w lr(%{{.+}}) optimizer(#pock.accumulate) {
  // CHECK: pock.yield %[[DW]]
  // CHECK-NOT: pock.store_param
  func.func @loss(%x: tensor<4xf32>) -> tensor<f32> {
    %w = pock.load_param @w : tensor<4xf32>
    %y = pock.mul %w, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// One gradient per update: nothing to add up.
module attributes {pock.optimizer = #pock.sgd, pock.accumulate = 1} {
  // CHECK-NOT: grad
  // CHECK-LABEL: func.func @step(
  // CHECK-NOT: @accumulate
  pock.param @b {trained} : tensor<f32>
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<f32>
    return %b : tensor<f32>
  }
}

// -----

// Accumulated first, then limited entry by entry, then as a whole.
module attributes {pock.optimizer = #pock.sgd, pock.accumulate = 2, pock.clip_grad_norm = 2.0, pock.clip_grad_value = 1.0} {
  // CHECK-LABEL: func.func @step(
  // CHECK: pock.load_param @b.grad
  // CHECK: %[[MEAN:.+]] = pock.mul
  // CHECK: %[[CLAMPED:.+]] = pock.clamp %[[MEAN]]
  // CHECK: pock.mul %[[CLAMPED]], %[[CLAMPED]]
  // CHECK: pock.sqrt
  // CHECK: %[[G:.+]] = pock.mul %[[CLAMPED]], %{{.+}}
  // CHECK: pock.yield %[[G]]
  // CHECK-LABEL: func.func @accumulate(
  // CHECK-SAME: -> tensor<f32>
  // CHECK-NOT: pock.clamp
  pock.param @b {trained} : tensor<f32>
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<f32>
    return %b : tensor<f32>
  }
}

// -----

// Each group has its optimizer and its rate; a parameter that is not named is in group 0.
// CHECK-NOT: pock.optimizer
module attributes {pock.optimizer = [#pock.sgd, #pock.sgd<momentum = 0.5>], pock.optimizer_group = {b = 1 : i64}} {
  pock.param @a {trained} : tensor<f32>
  // CHECK-NOT: @a.momentum_buffer
  pock.param @b {trained} : tensor<f32>
  // CHECK: pock.param @b.momentum_buffer
  // CHECK-LABEL: func.func @step(
  // CHECK-SAME: %[[RATES:.+]]: tensor<2xf32> {pock.name = "lr"}
  // CHECK: %[[FIRST:.+]] = pock.slice %[[RATES]] {limits = array<i64: 1>, starts = array<i64: 0>
  // CHECK: %[[LR_A:.+]] = pock.reshape %[[FIRST]]
  // CHECK: %[[SECOND:.+]] = pock.slice %[[RATES]] {limits = array<i64: 2>, starts = array<i64: 1>
  // CHECK: %[[LR_B:.+]] = pock.reshape %[[SECOND]]
  // CHECK: pock.sparse_update @a lr(%[[LR_A]]) optimizer(#pock.sgd) {
  // CHECK: pock.sparse_update @b lr(%[[LR_B]]) shared(%{{.+}} : tensor<f32>) optimizer(#pock.sgd<momentum = 5.000000e-01>) {
  func.func @loss() -> tensor<f32> {
    %a = pock.load_param @a : tensor<f32>
    %b = pock.load_param @b : tensor<f32>
    %loss = pock.mul %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// One group: one rate.
module attributes {pock.optimizer = [#pock.adam]} {
  pock.param @b {trained} : tensor<f32>
  // CHECK-LABEL: func.func @step(
  // CHECK-SAME: %[[LR:.+]]: tensor<f32> {pock.name = "lr"}
  // CHECK: pock.sparse_update @b lr(%[[LR]])
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<f32>
    return %b : tensor<f32>
  }
}

// -----

// Groups that count their steps share the count.
module attributes {pock.optimizer = [#pock.adam, #pock.sgd, #pock.adam<beta1 = 0.5>], pock.optimizer_group = {b = 2 : i64}} {
  pock.param @b {trained} : tensor<f32>
  // CHECK-LABEL: func.func @step(
  // CHECK: pock.load_param @optimizer.step
  // CHECK-NOT: pock.load_param @optimizer.step
  // CHECK: pock.sparse_update @b {{.*}}beta1 = 5.000000e-01
  // CHECK: pock.param @optimizer.step
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<f32>
    return %b : tensor<f32>
  }
}
