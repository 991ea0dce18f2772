// RUN: pock-opt %s --split-input-file --verify-diagnostics

// Input that no frontend writes: a diagnostic each, never a crash.

func.func @dynamic_shape(%x: tensor<?x4xf32>) {
  // expected-error @below {{operand #0 must be statically shaped tensor of floating-point values, but got 'tensor<?x4xf32>'}}
  %0 = pock.softmax %x {dim = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @unranked(%x: tensor<*xf32>) {
  // expected-error @below {{operand #0 must be statically shaped tensor}}
  %0 = pock.sum %x {dims = array<i64: 0>} : (tensor<*xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @memref_operand(%x: memref<2x4xf32>) {
  // expected-error @below {{operand #0 must be statically shaped tensor}}
  %0 = pock.transpose %x {permutation = array<i64: 1, 0>} : (memref<2x4xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @scalar_operand(%x: f32, %w: tensor<4x8xf32>) {
  // expected-error @below {{operand #0 must be statically shaped tensor}}
  %0 = pock.linear %x, %w : (f32, tensor<4x8xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @complex_elements(%x: tensor<4xcomplex<f32>>) {
  // expected-error @below {{operand #0 must be statically shaped tensor}}
  %0 = pock.neg %x : (tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>>
  return
}

// -----

func.func @dynamic_result(%x: tensor<2x4xf32>) {
  // expected-error @below {{result #0 must be statically shaped tensor}}
  %0 = pock.reshape %x : (tensor<2x4xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @missing_window(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{requires attribute 'dilations'}}
  %0 = pock.max_pool %x {kernel = array<i64: 2, 2>} : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return
}

// -----

func.func @missing_optimizer(%p: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{requires attribute 'optimizer'}}
  %0 = pock.sgd_update %p, %p, %lr {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
      : (tensor<4xf32>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return
}

// -----

func.func @wrong_attribute_kind(%x: tensor<2x4xf32>) {
  // expected-error @below {{dims}}
  %0 = pock.sum %x {dims = 1 : i64} : (tensor<2x4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @segments_do_not_sum_up(%x: tensor<4xf32>) {
  // expected-error @below {{operandSegmentSizes}}
  %0 = pock.bce_with_logits %x, %x {operandSegmentSizes = array<i32: 1, 1, 1, 1>}
      : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @unknown_enum_value(%x: tensor<4xf32>) {
  // expected-error @below {{expected ::mlir::pock::GeluApproximation to be one of: none, tanh}}
  // expected-error @below {{failed to parse}}
  %0 = pock.gelu %x {approximate = #pock.gelu<cosh>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @unknown_op(%x: tensor<4xf32>) {
  // expected-error @below {{custom op 'pock.nothing' is unknown}}
  %0 = pock.nothing %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @wrong_number_of_operands(%x: tensor<4xf32>) {
  // expected-error @below {{requires a single operand}}
  %0 = "pock.neg"(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

pock.param @w {trained} : tensor<4xf32>
func.func @empty_region(%lr: tensor<f32>) {
  // expected-error @below {{expects a non-empty block}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
  } : tensor<f32>
  return
}

// -----

func.func @huge_kernel(%x: tensor<1x1x4xf32>) {
  // expected-error @below {{expected a window that fits the padded input}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.sum_pool %x {kernel = array<i64: 1000000000000>, strides = array<i64: 1>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>, dilations = array<i64: 1>} : (tensor<1x1x4xf32>) -> tensor<1x1x1xf32>
  return
}

// -----

func.func @empty_window(%x: tensor<1x1x0xf32>) {
  // expected-error @below {{expected a window that fits the padded input}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.sum_pool %x {kernel = array<i64: 1>, strides = array<i64: 1>, pad_low = array<i64: 0>,
      pad_high = array<i64: 0>, dilations = array<i64: 1>} : (tensor<1x1x0xf32>) -> tensor<1x1x0xf32>
  return
}

// -----

func.func @rank_0(%x: tensor<f32>) {
  // expected-error @below {{expected dim to be from 0 to -1, but got 0}}
  %0 = pock.softmax %x {dim = 0 : i64} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @truncated(%x: tensor<4xf32>) {
  // expected-error @below {{expected attribute name}}
  %0 = pock.neg %x {
