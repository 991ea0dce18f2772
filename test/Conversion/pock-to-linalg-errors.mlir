// RUN: pock-opt %s --pass-pipeline="builtin.module(func.func(convert-pock-to-linalg))" --split-input-file --verify-diagnostics

pock.param @w : tensor<4xf32>
func.func @unknown_op(%out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  // expected-error @below {{'pock.load_param' op has no lowering to linalg}}
  %w = pock.load_param @w : tensor<4xf32>
  return %w : tensor<4xf32>
}

// -----

// expected-error @below {{expected a kernel's last arguments to be its outs, of the types of its results}}
func.func @no_out(%x: tensor<4xf32>) -> tensor<2xf32> attributes {pock.kernel} {
  %y = pock.slice %x {starts = array<i64: 0>, limits = array<i64: 2>, strides = array<i64: 1>}
      : (tensor<4xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

// expected-error @below {{expected a kernel to have one block}}
func.func @two_blocks(%x: tensor<4xf32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  cf.br ^bb1
^bb1:
  return %x : tensor<4xf32>
}
