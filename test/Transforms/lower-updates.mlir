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

// CHECK-LABEL: func.func @no_update(
// CHECK-NEXT: return
func.func @no_update() {
  return
}
