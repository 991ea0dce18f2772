// RUN: pock-opt %s --split-input-file --verify-diagnostics

// sgd_c1
// expected-error @below {{expected momentum to be finite and not negative, but got -1}}
module attributes {pock.optimizer = #pock.sgd<momentum = -1.0>} {}

// -----

// sgd_c1
// expected-error @below {{expected weight_decay to be finite and not negative}}
module attributes {pock.optimizer = #pock.sgd<weight_decay = -0.5>} {}

// -----

// sgd_c2
// expected-error @below {{expected momentum and no dampening with nesterov}}
module attributes {pock.optimizer = #pock.sgd<nesterov = true>} {}

// -----

// adam_c1
// expected-error @below {{expected beta1 to be at least 0 and below 1}}
module attributes {pock.optimizer = #pock.adam<beta1 = 1.0>} {}

// -----

// adam_c1
// expected-error @below {{expected beta2 to be at least 0 and below 1}}
module attributes {pock.optimizer = #pock.adam<beta2 = -0.1>} {}

// -----

// adam_c2
// expected-error @below {{expected eps to be finite and not negative}}
module attributes {pock.optimizer = #pock.adam<eps = -1.0e-8>} {}

// -----

func.func @update_c1_gradient(%p: tensor<4xf32>, %g: tensor<3xf32>, %lr: tensor<f32>) -> tensor<4xf32> {
  // expected-error @below {{expected gradient, states and results of the parameter's type 'tensor<4xf32>', but got 'tensor<3xf32>'}}
  %r = pock.sgd_update %p, %g, %lr {optimizer = #pock.sgd, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
      : (tensor<4xf32>, tensor<3xf32>, tensor<f32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

func.func @update_c1_scalar(%p: tensor<4xf32>, %lr: tensor<f64>) -> tensor<4xf32> {
  // expected-error @below {{expected scalars of the parameter's element type 'f32', but got 'tensor<f64>'}}
  %r = pock.sgd_update %p, %p, %lr {optimizer = #pock.sgd, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
      : (tensor<4xf32>, tensor<4xf32>, tensor<f64>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

func.func @sgd_update_c1(%p: tensor<4xf32>, %lr: tensor<f32>) -> tensor<4xf32> {
  // expected-error @below {{expected momentum_buffer, scale and a second result with momentum}}
  %r = pock.sgd_update %p, %p, %lr {optimizer = #pock.sgd<momentum = 0.9>, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
      : (tensor<4xf32>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

func.func @adam_update_c1(%p: tensor<4xf32>, %s: tensor<f32>) {
  // expected-error @below {{expected max_exp_avg_sq and a fourth result with amsgrad}}
  %r:3 = pock.adam_update %p, %p, %s, %s, %s, %p, %p {optimizer = #pock.adam<amsgrad = true>}
      : (tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<4xf32>, tensor<4xf32>)
      -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}
