// RUN: pock-opt %s --pock-apply-scheme --split-input-file | FileCheck %s

// CHECK-NOT: pock.scheme
module attributes {pock.scheme = {whole = 1.0, half = 0.5, tiny = 0.001, bias = 0.25, off = 0.0}} {
  // CHECK: pock.param @whole {trained} : tensor<4x8xf32>
  pock.param @whole : tensor<4x8xf32>
  // CHECK: pock.param @half {slice = #pock.slice<axis = 1, size = 4>, trained} : tensor<4x8xf32>
  pock.param @half : tensor<4x8xf32>
  // At least one channel.
  // CHECK: pock.param @tiny {slice = #pock.slice<axis = 1, size = 1>, trained}
  pock.param @tiny : tensor<4x8xf32>
  // A vector has no input channels.
  // CHECK: pock.param @bias {trained}
  pock.param @bias : tensor<4xf32>
  // CHECK: pock.param @off : tensor<4x8xf32>
  pock.param @off : tensor<4x8xf32>
  // CHECK: pock.param @absent : tensor<4x8xf32>
  pock.param @absent : tensor<4x8xf32>
  func.func @loss(%x: tensor<2x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
    %whole = pock.load_param @whole : tensor<4x8xf32>
    %bias = pock.load_param @bias : tensor<4xf32>
    %half = pock.load_param @half : tensor<4x8xf32>
    %tiny = pock.load_param @tiny : tensor<4x8xf32>
    %0 = pock.linear %x, %half : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
    %1 = pock.linear %x, %tiny : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
    return %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>
  }
}

// -----

// Input channels of convolutions: dimension 1, whole groups, or dimension 0.
module attributes {pock.scheme = {conv = 0.5, grouped = 0.5, transposed = 0.25}} {
  // CHECK: pock.param @conv {slice = #pock.slice<axis = 1, size = 2>, trained}
  pock.param @conv : tensor<2x4x3xf32>
  // CHECK: pock.param @grouped {slice = #pock.slice<axis = 0, size = 4>, trained}
  pock.param @grouped : tensor<8x2x3xf32>
  // CHECK: pock.param @transposed {slice = #pock.slice<axis = 0, size = 1>, trained}
  pock.param @transposed : tensor<4x2x3xf32>
  func.func @loss(%x: tensor<1x4x5xf32>) {
    %conv = pock.load_param @conv : tensor<2x4x3xf32>
    %0 = pock.conv %x, %conv {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
        : (tensor<1x4x5xf32>, tensor<2x4x3xf32>) -> tensor<1x2x3xf32>
    %grouped = pock.load_param @grouped : tensor<8x2x3xf32>
    %1 = pock.conv %x, %grouped {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>, groups = 2 : i64}
        : (tensor<1x4x5xf32>, tensor<8x2x3xf32>) -> tensor<1x8x3xf32>
    %transposed = pock.load_param @transposed : tensor<4x2x3xf32>
    %2 = pock.conv_transpose %x, %transposed {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
        : (tensor<1x4x5xf32>, tensor<4x2x3xf32>) -> tensor<1x2x7xf32>
    return
  }
}

// -----

// CHECK: pock.param @no_scheme : tensor<4xf32>
pock.param @no_scheme : tensor<4xf32>

// -----

// Halves go to the even number, as Python's round: 2 of 5 channels.
module attributes {pock.scheme = {"w" = 0.5 : f64}} {
  // CHECK: pock.param @w {slice = #pock.slice<axis = 1, size = 2>, trained}
  pock.param @w : tensor<3x5xf32>
  func.func @loss(%x: tensor<2x5xf32>) {
    %w = pock.load_param @w : tensor<3x5xf32>
    %0 = pock.linear %x, %w : (tensor<2x5xf32>, tensor<3x5xf32>) -> tensor<2x3xf32>
    return
  }
}

// -----

// A gradient that is given does not change what reads the weight.
module attributes {pock.scheme = {"w" = 0.5 : f64}} {
  // CHECK: pock.param @w {slice = #pock.slice<axis = 1, size = 4>, trained}
  pock.param @w : tensor<3x8xf32>
  func.func @loss(%x: tensor<2x8xf32>) {
    %w = pock.load_param @w : tensor<3x8xf32>
    %y, %dy = pock.custom_gradient inputs(%w : tensor<3x8xf32>) values(%w : tensor<3x8xf32>)
    pock.set_gradients %y gives %dy : tensor<3x8xf32>, tensor<3x8xf32>
    %0 = pock.linear %x, %y : (tensor<2x8xf32>, tensor<3x8xf32>) -> tensor<2x3xf32>
    return
  }
}

// -----

// A weight without input channels has no part to choose.
module attributes {pock.scheme = {"w" = 0.5 : f64}} {
  // CHECK: pock.param @w {trained} : tensor<4x0xf32>
  pock.param @w : tensor<4x0xf32>
  func.func @loss(%x: tensor<2x0xf32>) {
    %w = pock.load_param @w : tensor<4x0xf32>
    %0 = pock.linear %x, %w : (tensor<2x0xf32>, tensor<4x0xf32>) -> tensor<2x4xf32>
    return
  }
}
