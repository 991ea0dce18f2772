// RUN: pock-opt %s -split-input-file --pock-fit-kernels=winograd=always -verify-diagnostics

// Neither algorithm is within the limit: the error is that of the smaller need.
// expected-error @below {{memory limit of 1000 bytes: the smallest that fits is 36864 bytes: parameters and optimizer state 36864, arena 0}}
module attributes {pock.memory_limit = 1000 : i64} {
  pock.param @w : tensor<3x3x32x32xf32>
  func.func private @conv(%x: tensor<1x16x16x32xf32>, %w: tensor<3x3x32x32xf32>, %out: tensor<1x14x14x32xf32>) -> tensor<1x14x14x32xf32> attributes {pock.kernel} {
    %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, layout = #pock.layout<channels_last>} : (tensor<1x16x16x32xf32>, tensor<3x3x32x32xf32>) -> tensor<1x14x14x32xf32>
    return %0 : tensor<1x14x14x32xf32>
  }
  func.func @step(%x: tensor<1x16x16x32xf32>) -> tensor<1x14x14x32xf32> {
    %w = pock.load_param @w : tensor<3x3x32x32xf32>
    %e = tensor.empty() : tensor<1x14x14x32xf32>
    %0 = pock.launch @conv ins(%x, %w : tensor<1x16x16x32xf32>, tensor<3x3x32x32xf32>) outs(%e : tensor<1x14x14x32xf32>) -> tensor<1x14x14x32xf32>
    return %0 : tensor<1x14x14x32xf32>
  }
}

// -----

// Errors that do not name a limit are not tried again.
module attributes {pock.memory_limit = 1000 : i64} {
  // expected-error @below {{expected a kernel's last arguments to be its outs, of the types of its results}}
  func.func private @wrong(%x: tensor<4xf32>, %out: tensor<8xf32>) -> tensor<4xf32> attributes {pock.kernel} {
    return %x : tensor<4xf32>
  }
}
