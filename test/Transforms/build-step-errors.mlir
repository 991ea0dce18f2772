// RUN: pock-opt %s --pock-build-step --split-input-file --verify-diagnostics

// expected-error @below {{expected a function '@loss' of one block}}
module {
}

// -----

// expected-error @below {{expected a function '@loss' of one block}}
module {
  func.func private @loss() -> tensor<f32>
}

// -----

// expected-error @below {{expected the module attribute 'pock.optimizer'}}
module {
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}

// -----

module attributes {pock.optimizer = #pock.sgd} {
  // expected-error @below {{expected the first result of '@loss' to be a floating-point scalar tensor}}
  func.func @loss(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}

// -----

module attributes {pock.optimizer = #pock.sgd} {
  pock.param @w {trained} : tensor<f32>
  // expected-error @below {{expected the loss not to depend on its gradients}}
  func.func @loss() -> tensor<f32> {
    %w = pock.load_param @w : tensor<f32>
    %y, %dy = pock.custom_gradient inputs(%w : tensor<f32>) values(%w : tensor<f32>)
    pock.set_gradients %y gives %dy : tensor<f32>, tensor<f32>
    %loss = pock.mul %y, %dy : (tensor<f32>, tensor<f32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

module attributes {pock.optimizer = #pock.sgd} {
  // expected-note @below {{needed to train 'w'}}
  pock.param @w {trained} : tensor<4x8xf32>
  func.func @loss(%x: tensor<8xf32>) -> tensor<f32> {
    %w = pock.load_param @w : tensor<4x8xf32>
    // expected-error @below {{has no gradient rule}}
    %y = pock.linear %x, %w : (tensor<8xf32>, tensor<4x8xf32>) -> tensor<4xf32>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// expected-error @below {{expected the group of 'b' to be from 0 to 0, but got 1 : i64}}
module attributes {pock.optimizer = #pock.sgd, pock.optimizer_group = {b = 1}} {
  pock.param @b {trained} : tensor<f32>
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<f32>
    return %b : tensor<f32>
  }
}

// -----

// expected-error @below {{expected the group of 'b' to be from 0 to 0, but got "first"}}
module attributes {pock.optimizer = #pock.sgd, pock.optimizer_group = {b = "first"}} {
  pock.param @b {trained} : tensor<f32>
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<f32>
    return %b : tensor<f32>
  }
}

// -----

// expected-error @below {{'pock.optimizer_group' names 'c', which is no pock.param}}
module attributes {pock.optimizer = #pock.sgd, pock.optimizer_group = {c = 0}} {
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}

// -----

// expected-error @below {{expected 'pock.accumulate' to be a positive integer, but got 0 : i64}}
module attributes {pock.optimizer = #pock.sgd, pock.accumulate = 0} {
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}

// -----

// expected-error @below {{expected 'pock.accumulate' to be a positive integer, but got 2.000000e+00 : f64}}
module attributes {pock.optimizer = #pock.sgd, pock.accumulate = 2.0} {
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}

// -----

// expected-error @below {{expected 'pock.clip_grad_value' to be a positive number, but got 0.000000e+00 : f64}}
module attributes {pock.optimizer = #pock.sgd, pock.clip_grad_value = 0.0} {
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}

// -----

// expected-error @below {{expected 'pock.clip_grad_norm' to be a positive number, but got 1 : i64}}
module attributes {pock.optimizer = #pock.sgd, pock.clip_grad_norm = 1} {
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}

// -----

// expected-error @below {{expected 'pock.clip_grad_norm' to be a positive number, but got 0x7FF8000000000000 : f64}}
module attributes {pock.optimizer = #pock.sgd, pock.clip_grad_norm = 0x7FF8000000000000 : f64} {
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
  }
}

// -----

// expected-error @below {{expected the group of 'b' to be from 0 to 1, but got -1 : i64}}
module attributes {pock.optimizer = [#pock.sgd, #pock.adam], pock.optimizer_group = {b = -1}} {
  pock.param @b {trained} : tensor<f32>
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<f32>
    return %b : tensor<f32>
  }
}

// -----

// expected-error @below {{expected 'pock.optimizer_group' to be a dictionary, but got [1]}}
module attributes {pock.optimizer = [#pock.sgd, #pock.adam], pock.optimizer_group = [1]} {
  pock.param @b {trained} : tensor<f32>
  func.func @loss() -> tensor<f32> {
    %b = pock.load_param @b : tensor<f32>
    return %b : tensor<f32>
  }
}
