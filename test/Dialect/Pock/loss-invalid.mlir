// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @cross_entropy_c1_rank(%x: tensor<8xf32>, %t: tensor<8xi64>) {
  // expected-error @below {{'pock.cross_entropy' expected logits [N, C, ...] and targets [N, ...], but got 'tensor<8xf32>' and 'tensor<8xi64>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.cross_entropy %x, %t : (tensor<8xf32>, tensor<8xi64>) -> tensor<f32>
  return
}

// -----

func.func @cross_entropy_c1_target(%x: tensor<8x10xf32>, %t: tensor<10xi64>) {
  // expected-error @below {{'pock.cross_entropy' expected logits [N, C, ...] and targets [N, ...]}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.cross_entropy %x, %t : (tensor<8x10xf32>, tensor<10xi64>) -> tensor<f32>
  return
}

// -----

func.func @cross_entropy_c2(%x: tensor<8x10xf32>, %t: tensor<8xi64>, %w: tensor<9xf32>) {
  // expected-error @below {{'pock.cross_entropy' expected a weight of type 'tensor<10xf32>', but got 'tensor<9xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.cross_entropy %x, %t, %w : (tensor<8x10xf32>, tensor<8xi64>, tensor<9xf32>) -> tensor<f32>
  return
}

// -----

func.func @cross_entropy_c3(%x: tensor<8x10xf32>, %t: tensor<8xi64>) {
  // expected-error @below {{'pock.cross_entropy' expected label_smoothing from 0 to 1, but got 1.5}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.cross_entropy %x, %t {label_smoothing = 1.5} : (tensor<8x10xf32>, tensor<8xi64>) -> tensor<f32>
  return
}

// -----

func.func @mse_loss_broadcasts(%x: tensor<4xf32>, %t: tensor<3xf32>) {
  // expected-error @below {{'pock.mse_loss' expected operands of one element type that broadcast, but got 'tensor<4xf32>' and 'tensor<3xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.mse_loss %x, %t : (tensor<4xf32>, tensor<3xf32>) -> tensor<f32>
  return
}

// -----

func.func @l1_loss_element_type(%x: tensor<4xf32>, %t: tensor<4xf64>) {
  // expected-error @below {{'pock.l1_loss' expected operands of one element type that broadcast}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.l1_loss %x, %t : (tensor<4xf32>, tensor<4xf64>) -> tensor<f32>
  return
}

// -----

func.func @reduction_none_keeps_the_shape(%x: tensor<4xf32>, %t: tensor<4xf32>) {
  // expected-error @below {{inferred type(s) 'tensor<4xf32>' are incompatible}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.mse_loss %x, %t {reduction = #pock.reduction<none>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @bce_c1(%x: tensor<4xf32>, %t: tensor<1xf32>) {
  // expected-error @below {{'pock.bce_with_logits' expected input and target of one type, but got 'tensor<4xf32>' and 'tensor<1xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.bce_with_logits %x, %t {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<4xf32>, tensor<1xf32>) -> tensor<f32>
  return
}

// -----

func.func @bce_weight_broadcasts(%x: tensor<4xf32>, %w: tensor<3xf32>) {
  // expected-error @below {{'pock.bce_with_logits' expected operands of one element type that broadcast}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.bce_with_logits %x, %x, %w {operandSegmentSizes = array<i32: 1, 1, 1, 0>} : (tensor<4xf32>, tensor<4xf32>, tensor<3xf32>) -> tensor<f32>
  return
}

// -----

func.func @bce_same_type(%x: tensor<4xf32>, %t: tensor<1xf32>) {
  // expected-error @below {{requires the same type for all operands and results}}
  %0 = pock.bce %x, %t : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  return
}
