// RUN: pock-opt %s --pock-lower-updates --verify-diagnostics

pock.param @w {trained} : tensor<4xf32>
func.func @missing_state(%g: tensor<4xf32>, %lr: tensor<f32>, %scale: tensor<f32>) {
  // expected-error @below {{expected the optimizer state 'w.momentum_buffer' to be a pock.param}}
  pock.sparse_update @w lr(%lr) shared(%scale : tensor<f32>) optimizer(#pock.sgd<momentum = 0.5>) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}
