// RUN: pock-opt %s --pock-order-launches --split-input-file | FileCheck %s

// Each large value shrinks before the next one is made: 512 bytes and two results
// of 4 are alive at most, instead of 1024. No order needs less.

// CHECK-LABEL: func.func @shrinks_first(
// CHECK-SAME: pock.least_peak = 520 : i64
// CHECK: %[[A:.+]] = pock.launch @grow ins(%arg0
// CHECK: %[[SMALL_A:.+]] = pock.launch @shrink ins(%[[A]]
// CHECK: %[[B:.+]] = pock.launch @grow ins(%arg0
// CHECK: %[[SMALL_B:.+]] = pock.launch @shrink ins(%[[B]]
// CHECK: pock.launch @add ins(%[[SMALL_A]], %[[SMALL_B]]
func.func private @grow(%in: memref<f32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @shrink(%in: memref<128xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func private @add(%a: memref<f32>, %b: memref<f32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @shrinks_first(%x: tensor<f32>) -> tensor<f32> {
  %large = tensor.empty() : tensor<128xf32>
  %small = tensor.empty() : tensor<f32>
  %a = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  %b = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  %c = pock.launch @shrink ins(%a : tensor<128xf32>) outs(%small : tensor<f32>) -> tensor<f32>
  %d = pock.launch @shrink ins(%b : tensor<128xf32>) outs(%small : tensor<f32>) -> tensor<f32>
  %sum = pock.launch @add ins(%c, %d : tensor<f32>, tensor<f32>) outs(%small : tensor<f32>) -> tensor<f32>
  return %sum : tensor<f32>
}

// -----

// Workspace counts: the first kernel needs 1000 bytes while it runs, better
// before the value that the other makes is there.

// CHECK-LABEL: func.func @workspace_first(
// CHECK-SAME: pock.least_peak = 1004 : i64
// CHECK: pock.launch @work
// CHECK: pock.launch @grow
// CHECK: pock.launch @join
func.func private @grow(%in: memref<f32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @work(%in: memref<f32>, %out: memref<f32>, %scratch: memref<1000xi8>)
    attributes {pock.kernel, pock.workspace = 1000 : i64} {
  return
}
func.func private @join(%a: memref<128xf32>, %b: memref<f32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @workspace_first(%x: tensor<f32>) -> tensor<f32> {
  %large = tensor.empty() : tensor<128xf32>
  %small = tensor.empty() : tensor<f32>
  %a = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  %b = pock.launch @work ins(%x : tensor<f32>) outs(%small : tensor<f32>) -> tensor<f32>
  %sum = pock.launch @join ins(%a, %b : tensor<128xf32>, tensor<f32>) outs(%small : tensor<f32>) -> tensor<f32>
  return %sum : tensor<f32>
}

// -----

// The gradient would die in the update, in front of the kernel with 1000 bytes of
// workspace. But that reads the old weight, over which the update writes.

// CHECK-LABEL: func.func @old_weight_is_read_first(
// CHECK-SAME: pock.least_peak = 1520 : i64
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[G:.+]] = pock.launch @grow
// CHECK: %[[P:.+]] = pock.launch @shrink ins(%[[G]]
// CHECK: pock.launch @forward ins(%[[P]], %[[W]]
// CHECK: %[[NEW:.+]] = pock.launch @update ins(%[[G]] : {{.*}}) outs(%[[W]]
// CHECK: pock.store_param @w, %[[NEW]]
pock.param @w {trained} : tensor<128xf32>
func.func private @grow(%in: memref<f32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @shrink(%in: memref<128xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func private @forward(%in: memref<f32>, %w: memref<128xf32>, %out: memref<f32>, %scratch: memref<1000xi8>)
    attributes {pock.kernel, pock.workspace = 1000 : i64} {
  return
}
func.func private @update(%g: memref<128xf32>, %w: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @join(%in: memref<f32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @old_weight_is_read_first(%x: tensor<f32>) {
  %large = tensor.empty() : tensor<128xf32>
  %small = tensor.empty() : tensor<f32>
  %w = pock.load_param @w : tensor<128xf32>
  %g = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  %p = pock.launch @shrink ins(%g : tensor<128xf32>) outs(%small : tensor<f32>) -> tensor<f32>
  %y = pock.launch @forward ins(%p, %w : tensor<f32>, tensor<128xf32>) outs(%small : tensor<f32>) -> tensor<f32>
  %z = pock.launch @join ins(%y : tensor<f32>) outs(%small : tensor<f32>) -> tensor<f32>
  %new = pock.launch @update ins(%g : tensor<128xf32>) outs(%w : tensor<128xf32>) -> tensor<128xf32>
  pock.store_param @w, %new : tensor<128xf32>
  return
}

// -----

// What stands behind the loss stays there, though the large value would die in
// front of the workspace of 1000 bytes.

// CHECK-LABEL: func.func @backward_stays_behind_the_loss(
// CHECK-SAME: pock.least_peak = 1516 : i64
// CHECK: %[[A:.+]] = pock.launch @grow
// CHECK: %[[LOSS:.+]] = pock.launch @loss
// CHECK: %[[G:.+]] = pock.launch @shrink ins(%[[A]]
// CHECK: return %[[LOSS]], %[[G]]
func.func private @grow(%in: memref<f32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @loss(%in: memref<f32>, %out: memref<f32>, %scratch: memref<1000xi8>)
    attributes {pock.kernel, pock.workspace = 1000 : i64} {
  return
}
func.func private @shrink(%in: memref<128xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @backward_stays_behind_the_loss(%x: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %large = tensor.empty() : tensor<128xf32>
  %small = tensor.empty() : tensor<f32>
  %a = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  %r = pock.launch @shrink ins(%a : tensor<128xf32>) outs(%small : tensor<f32>) -> tensor<f32>
  %loss = pock.launch @loss ins(%r : tensor<f32>) outs(%small : tensor<f32>) -> tensor<f32>
  %g = pock.launch @shrink ins(%a : tensor<128xf32>) outs(%small : tensor<f32>) -> tensor<f32>
  return %loss, %g : tensor<f32>, tensor<f32>
}

// -----

// One order only; of a single launch there is nothing to say.

// CHECK-LABEL: func.func @chain(
// CHECK-SAME: pock.least_peak = 512 : i64
// CHECK: %[[A:.+]] = pock.launch @grow ins(%arg0
// CHECK-NEXT: %[[E:.+]] = tensor.empty
// CHECK-NEXT: pock.launch @shrink ins(%[[A]]
// CHECK-LABEL: func.func @single(
// CHECK-NOT: least_peak
func.func private @grow(%in: memref<f32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @shrink(%in: memref<128xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @chain(%x: tensor<f32>) -> tensor<f32> {
  %large = tensor.empty() : tensor<128xf32>
  %a = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  %small = tensor.empty() : tensor<f32>
  %b = pock.launch @shrink ins(%a : tensor<128xf32>) outs(%small : tensor<f32>) -> tensor<f32>
  return %b : tensor<f32>
}
func.func @single(%x: tensor<f32>) -> tensor<128xf32> {
  %large = tensor.empty() : tensor<128xf32>
  %a = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  return %a : tensor<128xf32>
}

// -----

// What writes a parameter stays behind what decides whether the function fails,
// whatever the memory. (@shrink would be better first.)

pock.param @w : tensor<f32>
// CHECK-LABEL: func.func @failure_before_write(
// CHECK: %[[FLAG:.+]] = pock.launch @decide
// CHECK-NEXT: pock.fail_if %[[FLAG]]
// CHECK: pock.launch @write
func.func private @grow(%in: memref<f32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @write(%in: memref<128xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func private @decide(%in: memref<128xf32>, %out: memref<i1>) attributes {pock.kernel} {
  return
}
func.func @failure_before_write(%x: tensor<f32>) {
  %large = tensor.empty() : tensor<128xf32>
  %small = tensor.empty() : tensor<i1>
  %w = pock.load_param @w : tensor<f32>
  %a = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  %b = pock.launch @grow ins(%x : tensor<f32>) outs(%large : tensor<128xf32>) -> tensor<128xf32>
  %flag = pock.launch @decide ins(%b : tensor<128xf32>) outs(%small : tensor<i1>) -> tensor<i1>
  pock.fail_if %flag {kind = "index", by = "op", expected = "less"} : tensor<i1>
  %new = pock.launch @write ins(%a : tensor<128xf32>) outs(%w : tensor<f32>) -> tensor<f32>
  pock.store_param @w, %new : tensor<f32>
  return
}
