// RUN: pock-opt %s --pock-form-kernels --split-input-file | FileCheck %s

// On a device with little memory, an update joins the kernel of its gradient
// through views: the gradient never exists as a whole.

// CHECK-LABEL: func.func @step(
// CHECK:         pock.launch @conv_transpose
// CHECK-NEXT:    pock.launch @conv_weight_grad_reshape_sub ins(%{{.+}}, %{{.+}} : tensor<1x8x8x32xf32>, tensor<1x8x8x64xf32>) outs(%{{.+}} : tensor<64x32x1x1xf32>)
// CHECK-NOT:     pock.launch
// CHECK:       func.func private @conv_weight_grad_reshape_sub(
// CHECK:         pock.reshape
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>} {
  pock.param @w : tensor<64x32x1x1xf32>
  func.func @step(%x: tensor<1x8x8x32xf32>, %g: tensor<1x8x8x64xf32>) -> tensor<1x8x8x32xf32> {
    %w = pock.load_param @w : tensor<64x32x1x1xf32>
    %wide = pock.reshape %w : (tensor<64x32x1x1xf32>) -> tensor<64x1x1x32xf32>
    %back = pock.conv_transpose %g, %wide {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x64xf32>, tensor<64x1x1x32xf32>) -> tensor<1x8x8x32xf32>
    %grad = pock.conv_weight_grad %x, %g {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x32xf32>, tensor<1x8x8x64xf32>) -> tensor<64x1x1x32xf32>
    %view = pock.reshape %grad : (tensor<64x1x1x32xf32>) -> tensor<64x32x1x1xf32>
    %new = pock.sub %w, %view : (tensor<64x32x1x1xf32>, tensor<64x32x1x1xf32>) -> tensor<64x32x1x1xf32>
    pock.store_param @w, %new : tensor<64x32x1x1xf32>
    return %back : tensor<1x8x8x32xf32>
  }
}

// -----

// The update of a small parameter stays apart.

// CHECK-LABEL: func.func @step(
// CHECK:         pock.launch @conv_transpose
// CHECK:         pock.launch @conv_weight_grad ins
// CHECK:         pock.launch @sub
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>} {
  pock.param @w : tensor<64x8x1x1xf32>
  func.func @step(%x: tensor<1x8x8x8xf32>, %g: tensor<1x8x8x64xf32>) -> tensor<1x8x8x8xf32> {
    %w = pock.load_param @w : tensor<64x8x1x1xf32>
    %wide = pock.reshape %w : (tensor<64x8x1x1xf32>) -> tensor<64x1x1x8xf32>
    %back = pock.conv_transpose %g, %wide {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x64xf32>, tensor<64x1x1x8xf32>) -> tensor<1x8x8x8xf32>
    %grad = pock.conv_weight_grad %x, %g {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x8xf32>, tensor<1x8x8x64xf32>) -> tensor<64x1x1x8xf32>
    %view = pock.reshape %grad : (tensor<64x1x1x8xf32>) -> tensor<64x8x1x1xf32>
    %new = pock.sub %w, %view : (tensor<64x8x1x1xf32>, tensor<64x8x1x1xf32>) -> tensor<64x8x1x1xf32>
    pock.store_param @w, %new : tensor<64x8x1x1xf32>
    return %back : tensor<1x8x8x8xf32>
  }
}

// -----

// A view of the old value is read behind the gradient.

// CHECK-LABEL: func.func @step(
// CHECK:         pock.launch @conv_weight_grad ins
// CHECK:         pock.launch @sub
// CHECK:         pock.launch @conv_transpose
// CHECK:         pock.launch @copy
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>} {
  pock.param @w : tensor<64x32x1x1xf32>
  func.func @step(%x: tensor<1x8x8x32xf32>, %g: tensor<1x8x8x64xf32>) -> tensor<1x8x8x32xf32> {
    %w = pock.load_param @w : tensor<64x32x1x1xf32>
    %wide = pock.reshape %w : (tensor<64x32x1x1xf32>) -> tensor<64x1x1x32xf32>
    %grad = pock.conv_weight_grad %x, %g {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x32xf32>, tensor<1x8x8x64xf32>) -> tensor<64x1x1x32xf32>
    %view = pock.reshape %grad : (tensor<64x1x1x32xf32>) -> tensor<64x32x1x1xf32>
    %new = pock.sub %w, %view : (tensor<64x32x1x1xf32>, tensor<64x32x1x1xf32>) -> tensor<64x32x1x1xf32>
    pock.store_param @w, %new : tensor<64x32x1x1xf32>
    %back = pock.conv_transpose %g, %wide {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x64xf32>, tensor<64x1x1x32xf32>) -> tensor<1x8x8x32xf32>
    return %back : tensor<1x8x8x32xf32>
  }
}

// -----

// Other targets keep the gradient.

// CHECK-LABEL: func.func @step(
// CHECK:         pock.launch @conv_weight_grad ins
// CHECK:         pock.launch @sub
module {
  pock.param @w : tensor<64x32x1x1xf32>
  func.func @step(%x: tensor<1x8x8x32xf32>, %g: tensor<1x8x8x64xf32>) -> tensor<1x8x8x32xf32> {
    %w = pock.load_param @w : tensor<64x32x1x1xf32>
    %wide = pock.reshape %w : (tensor<64x32x1x1xf32>) -> tensor<64x1x1x32xf32>
    %back = pock.conv_transpose %g, %wide {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x64xf32>, tensor<64x1x1x32xf32>) -> tensor<1x8x8x32xf32>
    %grad = pock.conv_weight_grad %x, %g {dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last_ohwi>, pad_high = array<i64: 0, 0>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x8x32xf32>, tensor<1x8x8x64xf32>) -> tensor<64x1x1x32xf32>
    %view = pock.reshape %grad : (tensor<64x1x1x32xf32>) -> tensor<64x32x1x1xf32>
    %new = pock.sub %w, %view : (tensor<64x32x1x1xf32>, tensor<64x32x1x1xf32>) -> tensor<64x32x1x1xf32>
    pock.store_param @w, %new : tensor<64x32x1x1xf32>
    return %back : tensor<1x8x8x32xf32>
  }
}
