// RUN: pock-opt %s -split-input-file --pock-fit-kernels=winograd=always | FileCheck %s

// Without a limit, the option decides: Winograd's tiles need workspace.
// CHECK: module
// CHECK: func.func private @conv({{.*}}memref<266240xi8>) attributes {pock.kernel, pock.workspace = 266240 : i64}
module {
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

// The parameter (36,864 bytes) and the workspace are within the limit.
// CHECK: module
// CHECK: func.func private @conv({{.*}}memref<266240xi8>) attributes {pock.kernel, pock.workspace = 266240 : i64}
module attributes {pock.memory_limit = 303104 : i64} {
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

// One byte less: the direct loops need none. The module keeps its attributes.
// CHECK: module attributes {pock.memory_limit = 303103 : i64, pock.name = "net"}
// CHECK: pock.param @w
// CHECK: func.func private @conv({{.*}}) attributes {pock.kernel} {
module attributes {pock.memory_limit = 303103 : i64, pock.name = "net"} {
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
