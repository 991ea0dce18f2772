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
  // expected-error @below {{is to be trained but receives no gradient: the loss does not depend on it}}
  pock.param @unused {trained} : tensor<4xf32>
  func.func @loss(%x: tensor<f32>) -> tensor<f32> {
    return %x : tensor<f32>
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
