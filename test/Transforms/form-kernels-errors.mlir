// RUN: pock-opt %s --pock-form-kernels --split-input-file --verify-diagnostics

pock.param @w {trained} : tensor<4xf32>
func.func @update_left(%g: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expected updates to be lowered (pock-lower-updates)}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}

// -----

// expected-error @below {{expected a body of one block}}
func.func @blocks(%x: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^next
^next:
  return %x : tensor<4xf32>
}

// -----

func.func private @g(tensor<4xf32>) -> tensor<4xf32>
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected only ops with a role in a kernel, on static tensors}}
  %0 = func.call @g(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @below {{expected arguments that are static tensors}}
func.func @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
