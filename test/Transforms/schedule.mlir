// RUN: pock-opt %s --pock-schedule | FileCheck %s

pock.param @w {trained} : tensor<4x4xf32>
pock.param @b {trained} : tensor<4x4xf32>

// The input gradient reads the old weight: the update comes right behind it,
// not at the end, and not before.
// CHECK-LABEL: func.func @update_behind_reader_of_old_weight(
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[DX:.+]] = pock.matmul %{{.+}}, %[[W]] {transpose_rhs}
// CHECK-NEXT: pock.sparse_update @w
// CHECK: } : tensor<f32>
// CHECK-NEXT: pock.exp
// CHECK-NEXT: pock.sparse_update @b
func.func @update_behind_reader_of_old_weight(%x: tensor<4x4xf32>, %dy: tensor<4x4xf32>, %lr: tensor<f32>) -> tensor<f32> {
  %w = pock.load_param @w : tensor<4x4xf32>
  %y = pock.matmul %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<f32>
  %dx = pock.matmul %dy, %w {transpose_rhs} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %db = pock.exp %dx : (tensor<4x4xf32>) -> tensor<4x4xf32>
  pock.sparse_update @b lr(%lr) optimizer(#pock.sgd) {
    pock.yield %db : tensor<4x4xf32>
  } : tensor<f32>
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    %dw = pock.matmul %x, %dy {transpose_lhs} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    pock.yield %dw : tensor<4x4xf32>
  } : tensor<f32>
  return %loss : tensor<f32>
}

// Nothing of the update waits for the loss, but it belongs to the backward pass.
// CHECK-LABEL: func.func @update_behind_loss(
// CHECK: pock.sum
// CHECK-NEXT: pock.sparse_update @b
func.func @update_behind_loss(%x: tensor<4x4xf32>, %lr: tensor<f32>) -> tensor<f32> {
  %b = pock.load_param @b : tensor<4x4xf32>
  %y = pock.add %x, %b : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %z = pock.exp %y : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %loss = pock.sum %z {dims = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<f32>
  pock.sparse_update @b lr(%lr) optimizer(#pock.sgd) {
    %g = pock.mul %z, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    pock.yield %g : tensor<4x4xf32>
  } : tensor<f32>
  return %loss : tensor<f32>
}

// CHECK-LABEL: func.func private @external(
func.func private @external(tensor<4xf32>)

// The update of @s reads the old @w in its region: it comes first, each behind
// what it waits for.
pock.param @s {trained} : tensor<4x4xf32>
// CHECK-LABEL: func.func @update_behind_reader_in_another(
// CHECK: pock.exp
// CHECK-NEXT: pock.sparse_update @s
// CHECK: } : tensor<f32>
// CHECK-NEXT: pock.sparse_update @w
// CHECK: } : tensor<f32>
// CHECK-NEXT: pock.neg
func.func @update_behind_reader_in_another(%x: tensor<4x4xf32>, %lr: tensor<f32>) -> (tensor<f32>, tensor<4x4xf32>) {
  %w = pock.load_param @w : tensor<4x4xf32>
  %loss = pock.sum %x {dims = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<f32>
  %dw = pock.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %last = pock.neg %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    pock.yield %dw : tensor<4x4xf32>
  } : tensor<f32>
  pock.sparse_update @s lr(%lr) optimizer(#pock.sgd) {
    %ds = pock.mul %w, %dw : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    pock.yield %ds : tensor<4x4xf32>
  } : tensor<f32>
  return %loss, %last : tensor<f32>, tensor<4x4xf32>
}

// An update waits for what may fail behind the loss.
// CHECK-LABEL: func.func @update_behind_failure(
// CHECK: pock.sum
// CHECK: pock.cmp
// CHECK-NEXT: pock.fail_if
// CHECK-NEXT: pock.sparse_update @b
func.func @update_behind_failure(%x: tensor<4x4xf32>, %limit: tensor<f32>, %lr: tensor<f32>) -> tensor<f32> {
  %b = pock.load_param @b : tensor<4x4xf32>
  %y = pock.add %x, %b : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<f32>
  %bad = pock.cmp %loss, %limit {predicate = #pock.cmp<gt>} : (tensor<f32>, tensor<f32>) -> tensor<i1>
  pock.fail_if %bad {kind = "loss", by = "loss", expected = "less"} : tensor<i1>
  pock.sparse_update @b lr(%lr) optimizer(#pock.sgd) {
    pock.yield %y : tensor<4x4xf32>
  } : tensor<f32>
  return %loss : tensor<f32>
}

// A slice that is stored apart: its update waits for readers of the whole.
pock.param @part {trained, slice = #pock.slice<axis = 0, size = 1>} : tensor<1x4xf32>
pock.param @part.rest {kind = #pock.kind<rest>, of = @part} : tensor<3x4xf32>
// CHECK-LABEL: func.func @update_behind_reader_of_the_whole(
// CHECK: pock.matmul %{{.+}}, %{{.+}} {transpose_rhs}
// CHECK-NEXT: pock.sparse_update @part
func.func @update_behind_reader_of_the_whole(%x: tensor<4x4xf32>, %g: tensor<1x4xf32>, %lr: tensor<f32>) -> (tensor<f32>, tensor<4x4xf32>) {
  %loss = pock.sum %x {dims = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<f32>
  %slice = pock.load_param @part : tensor<1x4xf32>
  %rest = pock.load_param @part.rest : tensor<3x4xf32>
  %w = pock.concat %slice, %rest {dim = 0 : i64} : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<4x4xf32>
  %dx = pock.matmul %x, %w {transpose_rhs} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  pock.sparse_update @part lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<1x4xf32>
  } : tensor<f32>
  return %loss, %dx : tensor<f32>, tensor<4x4xf32>
}
