// RUN: pock-opt %s --pock-form-kernels --verify-diagnostics

pock.param @w {trained} : tensor<4xf32>
func.func @update_left(%g: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expected updates to be lowered (pock-lower-updates)}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}
