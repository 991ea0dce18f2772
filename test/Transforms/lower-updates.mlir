// RUN: pock-opt %s --pock-lower-updates --split-input-file | FileCheck %s

pock.param @w {trained} : tensor<4xf32>
// CHECK-LABEL: func.func @whole(
// CHECK: %[[G:.+]] = pock.neg
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[N:.+]] = pock.sgd_update %[[W]], %[[G]], %{{.+}} {{{.*}}optimizer = #pock.sgd}
// CHECK: pock.store_param @w, %[[N]]
// CHECK-NOT: pock.sparse_update
func.func @whole(%x: tensor<4xf32>, %lr: tensor<f32>) {
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    %g = pock.neg %x : (tensor<4xf32>) -> tensor<4xf32>
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}

// -----

// States have the size of the slice; the rest of the parameter stays.
pock.param @w {slice = #pock.slice<axis = 1, size = 2>, trained} : tensor<4x8xf32>
pock.param @w.momentum_buffer {kind = #pock.kind<state>, of = @w} : tensor<4x2xf32>
// CHECK-LABEL: func.func @slice_with_momentum(
// CHECK-SAME: %[[G:.+]]: tensor<4x2xf32>,
// CHECK: %[[M:.+]] = pock.load_param @w.momentum_buffer
// CHECK: %[[W:.+]] = pock.load_param @w :
// CHECK: %[[OLD:.+]] = pock.slice %[[W]]
// CHECK: %[[NEW:[a-z_]+]], %[[NEW_M:.+]] = pock.sgd_update %[[OLD]], %[[G]], %{{.+}}, %[[M]], %{{.+}} {
// CHECK: %[[ALL:.+]] = pock.insert_slice %[[NEW]], %[[W]]
// CHECK: pock.store_param @w, %[[ALL]]
// CHECK: pock.store_param @w.momentum_buffer, %[[NEW_M]]
func.func @slice_with_momentum(%g: tensor<4x2xf32>, %lr: tensor<f32>, %scale: tensor<f32>) {
  pock.sparse_update @w lr(%lr) shared(%scale : tensor<f32>) optimizer(#pock.sgd<momentum = 0.5>) {
    pock.yield %g : tensor<4x2xf32>
  } : tensor<f32>
  return
}

// -----

// p - lr scatter_add(0, i, u): only the rows used are read and written.
pock.param @w {trained} : tensor<10x4xf32>
// CHECK-LABEL: func.func @rows_of_embedding(
// CHECK-SAME: %[[I:.+]]: tensor<3xi64>, %[[U:.+]]: tensor<3x4xf32>, %[[LR:.+]]: tensor<f32>)
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[FACTOR:.+]] = pock.neg %[[LR]]
// CHECK: %[[SCALED:.+]] = pock.mul %[[U]], %[[FACTOR]]
// CHECK: %[[NEW:.+]] = pock.scatter_add %[[W]], %[[I]], %[[SCALED]] {dim = 0 : i64}
// CHECK: pock.store_param @w, %[[NEW]]
// CHECK-NOT: pock.sgd_update
func.func @rows_of_embedding(%i: tensor<3xi64>, %u: tensor<3x4xf32>, %lr: tensor<f32>) {
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    %zeros = pock.constant dense<0.0> : tensor<10x4xf32>
    %g = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
    pock.yield %g : tensor<10x4xf32>
  } : tensor<f32>
  return
}

// -----

pock.param @w {trained} : tensor<10x4xf32>
// CHECK-LABEL: func.func @rows_maximized(
// CHECK-NOT: pock.neg
// CHECK: pock.scatter_add
func.func @rows_maximized(%i: tensor<3xi64>, %u: tensor<3x4xf32>, %lr: tensor<f32>) {
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd<maximize = true>) {
    %zeros = pock.constant dense<0.0> : tensor<10x4xf32>
    %g = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
    pock.yield %g : tensor<10x4xf32>
  } : tensor<f32>
  return
}

// -----

// Momentum and weight decay change the other rows too.
pock.param @m {trained} : tensor<10x4xf32>
pock.param @m.momentum_buffer {kind = #pock.kind<state>, of = @m} : tensor<10x4xf32>
pock.param @d {trained} : tensor<10x4xf32>
// CHECK-LABEL: func.func @every_row(
// CHECK: %[[G:.+]] = pock.scatter_add
// CHECK: pock.sgd_update %{{.+}}, %[[G]]
// CHECK: %[[H:.+]] = pock.scatter_add
// CHECK: pock.sgd_update %{{.+}}, %[[H]]
func.func @every_row(%i: tensor<3xi64>, %u: tensor<3x4xf32>, %lr: tensor<f32>) {
  %zeros = pock.constant dense<0.0> : tensor<10x4xf32>
  pock.sparse_update @m lr(%lr) shared(%lr : tensor<f32>) optimizer(#pock.sgd<momentum = 0.5>) {
    %g = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
    pock.yield %g : tensor<10x4xf32>
  } : tensor<f32>
  pock.sparse_update @d lr(%lr) optimizer(#pock.sgd<weight_decay = 0.5>) {
    %h = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
    pock.yield %h : tensor<10x4xf32>
  } : tensor<f32>
  return
}

// -----

// A gradient that is read elsewhere (its norm) exists anyway.
pock.param @w {trained} : tensor<10x4xf32>
// CHECK-LABEL: func.func @gradient_read_elsewhere(
// CHECK: %[[G:.+]] = pock.scatter_add
// CHECK: pock.sgd_update %{{.+}}, %[[G]]
// CHECK: return %[[G]]
func.func @gradient_read_elsewhere(%i: tensor<3xi64>, %u: tensor<3x4xf32>, %lr: tensor<f32>) -> tensor<10x4xf32> {
  %zeros = pock.constant dense<0.0> : tensor<10x4xf32>
  %g = pock.scatter_add %zeros, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<10x4xf32>
  } : tensor<f32>
  return %g : tensor<10x4xf32>
}

// -----

// What accumulates stores the sum and leaves the parameter as it is.
pock.param @w {slice = #pock.slice<axis = 0, size = 2>, trained} : tensor<4xf32>
pock.param @w.grad {kind = #pock.kind<state>, of = @w} : tensor<2xf32>
// CHECK-LABEL: func.func @accumulate(
// CHECK-SAME: %[[G:.+]]: tensor<2xf32>,
// CHECK: %[[OLD:.+]] = pock.load_param @w.grad
// CHECK: %[[SUM:.+]] = pock.add %[[OLD]], %[[G]]
// CHECK-NOT: pock.store_param @w,
// CHECK: pock.store_param @w.grad, %[[SUM]]
// CHECK-NOT: pock.store_param
func.func @accumulate(%g: tensor<2xf32>, %lr: tensor<f32>) {
  pock.sparse_update @w lr(%lr) optimizer(#pock.accumulate) {
    pock.yield %g : tensor<2xf32>
  } : tensor<f32>
  return
}

// -----

// CHECK-LABEL: func.func @no_update(
// CHECK-NEXT: return
func.func @no_update() {
  return
}

// -----

// A slice that is stored apart is updated as a whole. Random numbers are those
// of the entries of the whole tensor: the strides are those of tensor<4x8xi8>.
pock.param @first {quantization = #pock.quantization<scale = 0.5>, slice = #pock.slice<axis = 0, size = 3>, trained} : tensor<3x4xi8>
pock.param @first.rest {quantization = #pock.quantization<scale = 0.5>, kind = #pock.kind<rest>, of = @first} : tensor<2x4xi8>
pock.param @w {permutation = array<i64: 1, 0>, quantization = #pock.quantization<scale = 0.5>, slice = #pock.slice<axis = 0, size = 3>, trained} : tensor<3x4xi8>
pock.param @w.rest {permutation = array<i64: 1, 0>, quantization = #pock.quantization<scale = 0.5>, kind = #pock.kind<rest>, of = @w} : tensor<5x4xi8>
// CHECK-LABEL: func.func @slice_apart(
// CHECK: %[[W:.+]] = pock.load_param @w :
// CHECK-NOT: pock.slice
// CHECK: %[[NEW:.+]] = pock.quantized_update %[[W]],
// CHECK-SAME: stream = 2147483649
// CHECK-SAME: strides = array<i64: 1, 8>
// CHECK-NOT: pock.insert_slice
// CHECK: pock.store_param @w, %[[NEW]]
func.func @slice_apart(%g: tensor<3x4xf32>, %lr: tensor<f32>, %inverse: tensor<f32>, %seed: tensor<i64>) {
  pock.sparse_update @w lr(%lr) inverse_scale(%inverse : tensor<f32>) random(%seed, %seed : tensor<i64>, tensor<i64>) optimizer(#pock.sgd) {
    pock.yield %g : tensor<3x4xf32>
  } : tensor<f32>
  return
}
