// RUN: pock-opt %s --pock-apply-scheme --split-input-file --verify-diagnostics

// expected-error @below {{'pock.scheme' names 'unknown', which is no pock.param}}
module attributes {pock.scheme = {unknown = 1.0}} {
}

// -----

// expected-error @below {{'pock.scheme' leaves nothing to train}}
module attributes {pock.scheme = {w = 0.0}} {
  pock.param @w : tensor<4xf32>
}

// -----

module attributes {pock.scheme = {running_mean = 1.0}} {
  // expected-error @below {{cannot be trained: expected a parameter of floating-point type}}
  pock.param @running_mean {kind = #pock.kind<buffer>} : tensor<4xf32>
}

// -----

module attributes {pock.scheme = {w = 0.5}} {
  // expected-error @below {{cannot train a fraction of 5.000000e-01: expected all readers to agree on a dimension of input channels}}
  pock.param @w : tensor<4x4xf32>
  func.func @loss(%x: tensor<4x4xf32>) {
    %w = pock.load_param @w : tensor<4x4xf32>
    %0 = pock.linear %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    // expected-note @below {{read here}}
    %1 = pock.add %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return
  }
}

// -----

// All of them, not only the first.
module attributes {pock.scheme = {unread = 1.0, other = 0.5}} {
  // expected-error @below {{is to be trained, but the loss does not read it}}
  pock.param @unread : tensor<4xf32>
  // expected-error @below {{is to be trained, but the loss does not read it}}
  pock.param @other : tensor<4x4xf32>
  func.func @predict() -> tensor<4xf32> {
    %0 = pock.load_param @unread : tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}
